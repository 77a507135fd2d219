//! Writes the gallery as one file that a browser can open without a server: `cargo run -p web --example gallery -- light out.html`.

use std::process::ExitCode;
use web::{assets, ui};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [theme, path] = arguments.as_slice() else {
        eprintln!("gallery: give a theme (auto, light, dark) and a file to write");
        return ExitCode::FAILURE;
    };
    match std::fs::write(path, whole(ui::Theme::named(theme))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gallery: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The page with style, script and icons inside.
fn whole(theme: ui::Theme) -> String {
    let text = |name| String::from_utf8_lossy(assets::named(name).bytes).into_owned();
    let page = ui::gallery_in(theme).into_string().replace(assets::url("icons.svg"), "");
    let (before, after) = (page.find("<link"), page.find("</head>"));
    let page = match (before, after) {
        (Some(from), Some(to)) => format!("{}{}", &page[..from], &page[to..]),
        _ => page,
    };
    let head = format!("<style>{}</style></head>", text("app.css"));
    let feet = format!("<div hidden>{}</div><script>{}</script></body>", text("icons.svg"), text("app.js"));
    page.replace("</head>", &head).replace("</body>", &feet)
}
