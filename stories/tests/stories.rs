//! Working days, told across slices: one binary.

mod all {
    mod bad_input;
    mod browser;
    mod captcha;
    mod closing;
    mod constraints;
    mod cors;
    mod costs;
    mod faults;
    mod limits;
    mod lists;
    mod live;
    mod make;
    mod once;
    mod price_lists;
    mod routes;
    mod sites;
    mod tenancy;
}
