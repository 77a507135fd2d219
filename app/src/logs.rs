//! Log lines: for people in development, one JSON object a line in production. To standard error; standard output is for
//! what was asked.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::LogFormat;

/// Begins to log. What the filter does not take was checked when the settings were read.
pub fn start(filter: &str, format: LogFormat) {
    let builder = fmt().with_env_filter(EnvFilter::new(filter)).with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
}
