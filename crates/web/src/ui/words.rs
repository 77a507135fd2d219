//! The fixed words of the components, in one place: the keys of their texts. Everything else that a page says comes from its
//! caller.

use std::fmt;

use maud::Render;

/// A word by the key of its text.
#[derive(Clone, Copy, Debug)]
pub struct Word(&'static str);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::t(self.0))
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        crate::t(word.0)
    }
}

impl Render for Word {
    fn render_to(&self, page: &mut String) {
        crate::t(self.0).render_to(page);
    }
}

/// The name of the program.
pub const HEARTH: &str = "Hearth";
/// First link of a page, for people who use a keyboard.
pub const SKIP: Word = Word("ui-skip");
/// Name of the list of places in the rail.
pub const PLACES: Word = Word("ui-places");
/// Goes to the places that the bar of a phone has no room for.
pub const MORE_PLACES: Word = Word("ui-more-places");
/// Opens the search.
pub const SEARCH: Word = Word("ui-search");
/// Label of the field that goes to any document.
pub const GO_TO: Word = Word("ui-go-to");
/// Button of the search.
pub const GO: Word = Word("ui-go");
/// Ends the session.
pub const SIGN_OUT: Word = Word("ui-sign-out");
/// Name of the choice between light and dark.
pub const THEME: Word = Word("ui-theme");
/// Follows the device.
pub const THEME_AUTO: Word = Word("ui-theme-auto");
/// The light theme.
pub const THEME_LIGHT: Word = Word("ui-theme-light");
/// The dark theme.
pub const THEME_DARK: Word = Word("ui-theme-dark");
/// Name of the breadcrumbs.
pub const WHERE: Word = Word("ui-where");
/// Shown while the live connection is gone.
pub const NOT_LIVE: Word = Word("ui-not-live");
/// Newer rows or days.
pub const PREVIOUS: Word = Word("ui-previous");
/// Older rows or days.
pub const NEXT: Word = Word("ui-next");
/// Name of the links between the pages of a list.
pub const PAGES: Word = Word("ui-pages");
/// First day of a period.
pub const FROM: Word = Word("ui-from");
/// Last day of a period.
pub const TO: Word = Word("ui-to");
/// Applies a period or filters.
pub const SHOW: Word = Word("ui-show");
/// Removes all filters.
pub const CLEAR: Word = Word("ui-clear");
/// Name of the filters.
pub const FILTERS: Word = Word("ui-filters");
/// Label of the box that picks all rows.
pub const PICK_ALL: Word = Word("ui-pick-all");
/// Counts the picked rows; `{n}` is their number.
pub const PICKED: Word = Word("ui-picked");
/// Beside a field that may stay empty.
pub const OPTIONAL: Word = Word("ui-optional");
/// First choice of a select.
pub const CHOOSE: Word = Word("ui-choose");
/// Title of the list of wrong fields.
pub const MEND: Word = Word("ui-mend");
/// Word of a done thing.
pub const DONE: Word = Word("ui-done");
/// Word of a wrong thing.
pub const WRONG: Word = Word("ui-wrong");
/// Word of a waiting thing.
pub const WAITING: Word = Word("ui-waiting");
/// Word of a plain note.
pub const NOTE: Word = Word("ui-note");
/// Takes an act back.
pub const UNDO: Word = Word("ui-undo");
/// Closes a dialog or a note.
pub const CLOSE: Word = Word("ui-close");
/// Leaves a dialog without acting.
pub const KEEP: Word = Word("ui-keep");
/// Goes on after a question.
pub const YES: Word = Word("ui-yes");
/// Opens the table behind a chart.
pub const AS_TABLE: Word = Word("ui-as-table");
/// Name of the history of a document.
pub const TRAIL: Word = Word("ui-trail");
/// Name of the money part of a document.
pub const MONEY: Word = Word("ui-money");
/// What one may do with a document.
pub const ACTS: Word = Word("ui-acts");
/// Shaped like what comes.
pub const LOADING: Word = Word("ui-loading");
/// Choosing a file.
pub const DROP: Word = Word("ui-drop");
/// Sends the files.
pub const SEND: Word = Word("ui-send");
/// The numeric keypad.
pub const KEYPAD: Word = Word("ui-keypad");
/// Takes the last digit away.
pub const BACKSPACE: Word = Word("ui-backspace");
/// The decimal sign of the keypad.
pub const POINT: &str = ".";
/// Reads a code.
pub const FIND: Word = Word("ui-find");
/// What was not lost.
pub const KEPT: Word = Word("ui-kept");
/// Number under which an operator finds an error.
pub const REQUEST: Word = Word("ui-request");
/// State of a step.
pub const STEP_DONE: Word = Word("ui-step-done");
/// State of a step.
pub const STEP_NOW: Word = Word("ui-step-now");
/// State of a step.
pub const STEP_NEXT: Word = Word("ui-step-next");
/// Better or more than before.
pub const MORE: Word = Word("ui-more");
/// Less than before.
pub const LESS: Word = Word("ui-less");
/// No change.
pub const SAME: Word = Word("ui-same");
/// Prints a sheet.
pub const PRINT: Word = Word("ui-print");
/// Heading of the first column of a chart's table.
pub const WHAT: Word = Word("ui-what");
/// Heading of the figures of a chart's table.
pub const FIGURE: Word = Word("ui-figure");
/// Sort order of a column, rising.
pub const RISING: Word = Word("ui-rising");
/// Sort order of a column, falling.
pub const FALLING: Word = Word("ui-falling");
