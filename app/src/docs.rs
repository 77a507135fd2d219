//! Pages of the reference that the program makes of its own tables.

use std::fmt::Write;

/// Every code that a refusal may carry.
pub fn errors() -> String {
    let mut page = String::from(
        "# Errors\n\nEvery refusal is a problem document (RFC 9457, `application/problem+json`) with a stable `code`. Programs read the code; the text is for people.\n\
        `errors[]` names each field at fault with a code of its own. `requestId` finds the request in the log.\n\n\
        This page is made from the program's table (`cargo run -p xtask -- write`).\n\n| code | status | text |\n|---|---|---|\n",
    );
    let invalid = kernel::code("invalid");
    let internal = kernel::code("internal");
    for row in kernel::CODES.iter().chain(invalid).chain(internal) {
        let _ = writeln!(page, "| <a id=\"{0}\"></a>`{0}` | {1} | {2} |", row.code, row.status, row.text());
    }
    page
}
