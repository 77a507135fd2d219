//! The import of a past.

use web::Routes;

pub(crate) const LATER: &[db::Later] = &[];

pub(crate) fn routes(_routes: &mut Routes) {}
