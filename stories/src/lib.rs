//! Working days, told across slices. Everything is in `tests/`.
