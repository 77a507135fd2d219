//! How people and programs reach Hearth: routes made of commands and lists, problem documents, forms that keep what was
//! typed, pages, live streams. A slice declares what it has in a [`Slice`]; [`App`] makes one program of them.

mod app;
pub mod assets;
mod body;
mod bounds;
pub mod colour;
mod cors;
pub mod counters;
mod cx;
mod fields;
mod files;
mod gate;
mod limits;
mod listing;
mod live;
mod openapi;
mod palette;
mod problem;
mod reply;
mod routes;
mod say;
mod slice;
pub mod text;
mod typed;
pub mod ui;

pub use app::{App, Captcha, ExternalTokens, Provider, Settings};
pub use bounds::{Bounds, Held};
pub use colour::Colour;
pub use counters::Redis;
pub use cx::{AT_DEVICE, Assisting, Cx, Device, Refused, Site, Viewer, Visitor};
pub use fields::{Fields, Reader};
pub use files::csv_safe;
pub use gate::Upload;
pub use limits::{By, Counting, Limits, Rate, Rates, Rule, network};
pub use listing::{ListPage, history, list_reply, sent_in_time};
pub use openapi::document as openapi;
pub use reply::Reply;
pub use routes::{Answers, Route, Routes};
pub use say::{Clock, day_text, quantity};
pub use slice::{AddedSite, Authenticate, CheckFn, Finding, Found, OpenedFn, Opening, Place, SearchFn, SiteAddedFn, Slice};
pub use text::{code_text, field_text, t, tf};
pub use typed::Typed;
