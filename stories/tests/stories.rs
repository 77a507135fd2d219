//! Working days, told across slices: one binary.

mod all {
    mod bad_input;
    mod browser;
    mod faults;
    mod lists;
    mod live;
    mod make;
    mod routes;
    mod tenancy;
}
