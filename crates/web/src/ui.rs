//! The look of Hearth: functions that return markup, with plain data as arguments.
//!
//! Every control is a real link or form first and works without script; `app.js` and htmx only make it quicker. There is
//! no inline style and no inline script, so the strictest content policy holds. All of it is shown living by [`gallery`].

mod chart;
mod control;
mod document;
mod figure;
mod form;
mod frame;
mod gallery;
mod input;
mod notice;
mod page;
mod table;
pub mod words;

pub use chart::{Bar, BarChart, Direction, Heat, Line, LineChart, Point, bar_chart, heat_chart, line_chart, sparkline};
pub use control::{
    Act, Button, Crumb, Does, FileDrop, Guard, Layer, Step, StepState, Tab, Weight, act, button, dialog, drawer, file_drop, guard, icon,
    keypad, pin_pad, scan_field, stepper, tabs,
};
pub use document::{Document, Event, Fact, Head, PrintSheet, document, facts, print_button, print_sheet, timeline};
pub use figure::{Against, Figure, figure, figures, money, money_after, quantity, when};
pub use form::{FilterBar, Form, Period, Preset, field_line, field_set, filter_bar, fold, form, line_set, mend, period_picker};
pub use frame::{Choice as SwitchChoice, Frame, Place, Switch, Toolbar, User, place_list, rail, toolbar};
pub use gallery::{gallery, gallery_in};
pub use input::{Choice, Field, Kind, field, fields};
pub use notice::{Empty, Skeleton, Toast, Tone, Trouble, badge, banner, empty, notice, skeleton, toast, trouble};
pub use page::{Brand, Page, Theme, device_script, page};
pub use table::{Bulk, Column, ColumnKind, Order, Pager, Row, Table, pager, table};

#[cfg(test)]
mod tests;
