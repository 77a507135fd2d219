//! The fixed words of the components, in one place. Everything else that a page says comes from its caller.

/// The name of the program.
pub const HEARTH: &str = "Hearth";
/// First link of a page, for people who use a keyboard.
pub const SKIP: &str = "Skip to the page";
/// Name of the list of places in the rail.
pub const PLACES: &str = "Places";
/// Goes to the places that the bar of a phone has no room for.
pub const MORE_PLACES: &str = "More";
/// Opens the search.
pub const SEARCH: &str = "Search";
/// Label of the field that goes to any document.
pub const GO_TO: &str = "Go to a document, by number or name";
/// Button of the search.
pub const GO: &str = "Go";
/// Ends the session.
pub const SIGN_OUT: &str = "Sign out";
/// Name of the choice between light and dark.
pub const THEME: &str = "Theme";
/// Follows the device.
pub const THEME_AUTO: &str = "As the device";
/// The light theme.
pub const THEME_LIGHT: &str = "Light";
/// The dark theme.
pub const THEME_DARK: &str = "Dark";
/// Name of the breadcrumbs.
pub const WHERE: &str = "Where this is";
/// Shown while the live connection is gone.
pub const NOT_LIVE: &str = "Not connected. This page shows what was true before; it is trying again.";
/// Newer rows or days.
pub const PREVIOUS: &str = "Previous";
/// Older rows or days.
pub const NEXT: &str = "Next";
/// Name of the links between the pages of a list.
pub const PAGES: &str = "Pages";
/// First day of a period.
pub const FROM: &str = "From";
/// Last day of a period.
pub const TO: &str = "To";
/// Applies a period or filters.
pub const SHOW: &str = "Show";
/// Removes all filters.
pub const CLEAR: &str = "Clear";
/// Name of the filters.
pub const FILTERS: &str = "Filters";
/// Label of the box that picks all rows.
pub const PICK_ALL: &str = "Pick all";
/// Counts the picked rows; `{n}` is their number.
pub const PICKED: &str = "{n} picked";
/// Beside a field that may stay empty.
pub const OPTIONAL: &str = "optional";
/// First choice of a select.
pub const CHOOSE: &str = "Choose";
/// Title of the list of wrong fields.
pub const MEND: &str = "Not saved yet. Please look at:";
/// Word of a done thing.
pub const DONE: &str = "Done";
/// Word of a wrong thing.
pub const WRONG: &str = "Wrong";
/// Word of a waiting thing.
pub const WAITING: &str = "Waiting";
/// Word of a plain note.
pub const NOTE: &str = "Note";
/// Takes an act back.
pub const UNDO: &str = "Undo";
/// Closes a dialog or a note.
pub const CLOSE: &str = "Close";
/// Leaves a dialog without acting.
pub const KEEP: &str = "Leave it as it is";
/// Goes on after a question.
pub const YES: &str = "Yes, do it";
/// Opens the table behind a chart.
pub const AS_TABLE: &str = "The same figures as a table";
/// Name of the history of a document.
pub const TRAIL: &str = "Trail";
/// Name of the money part of a document.
pub const MONEY: &str = "Money";
/// What one may do with a document.
pub const ACTS: &str = "What to do";
/// Shaped like what comes.
pub const LOADING: &str = "Loading";
/// Choosing a file.
pub const DROP: &str = "Drop files here, or choose";
/// Sends the files.
pub const SEND: &str = "Send";
/// The numeric keypad.
pub const KEYPAD: &str = "Keypad";
/// Takes the last digit away.
pub const BACKSPACE: &str = "Take the last digit away";
/// The decimal sign of the keypad.
pub const POINT: &str = ".";
/// Reads a code.
pub const FIND: &str = "Find";
/// What was not lost.
pub const KEPT: &str = "Kept:";
/// Number under which an operator finds an error.
pub const REQUEST: &str = "Request";
/// State of a step.
pub const STEP_DONE: &str = "done";
/// State of a step.
pub const STEP_NOW: &str = "now";
/// State of a step.
pub const STEP_NEXT: &str = "to come";
/// Better or more than before.
pub const MORE: &str = "more";
/// Less than before.
pub const LESS: &str = "less";
/// No change.
pub const SAME: &str = "the same";
/// Prints a sheet.
pub const PRINT: &str = "Print";
/// Heading of the first column of a chart's table.
pub const WHAT: &str = "What";
/// Heading of the figures of a chart's table.
pub const FIGURE: &str = "Figure";
/// Sort order of a column, rising.
pub const RISING: &str = "rising";
/// Sort order of a column, falling.
pub const FALLING: &str = "falling";
