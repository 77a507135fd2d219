//! Where things lie, how they moved, what they are worth.

mod till;

pub use till::{TillView, selling_location, till_view};
