//! The texts that are generated from the table; `xtask check` compares them with the committed files.

use super::table::{Setting, TABLE};

/// The width at which comments are broken.
const WIDTH: usize = 110;

/// `.env.example`: every variable with its meaning, commented out.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Hearth's settings as environment variables. All are optional in development. Generated from the program's table of\n\
         # settings by `cargo run -p xtask -- write`; docs/configuration.md says more. Each may also be given as a file: \n\
         # HEARTH_DATABASE_URL_FILE=/run/secrets/database_url\n",
    )
    .replace(" \n", "\n");
    for setting in TABLE {
        text.push('\n');
        for line in wrapped(setting.help) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# Without it: {}\n", setting.default));
        text.push_str(&format!("# {}={}\n", setting.variable(), setting.example));
    }
    text
}

/// `docs/configuration.md`: the reference page.
pub fn reference() -> String {
    let mut text = String::from(INTRODUCTION);
    for setting in TABLE {
        text.push_str(&section(setting));
    }
    text.push_str(PRODUCTION);
    text
}

fn section(setting: &Setting) -> String {
    let secret = if setting.secret { "\nA secret: it is masked wherever settings are shown.\n" } else { "" };
    format!(
        "\n### {}\n\n{}\n{secret}\n- in the file: `{}`\n- without it: {}\n- example: `{}`\n",
        setting.variable(),
        setting.help,
        setting.key,
        if setting.default.starts_with('(') {
            setting.default.trim_matches(['(', ')']).to_owned()
        } else {
            format!("`{}`", setting.default)
        },
        setting.example
    )
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + word.len() >= WIDTH {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

const INTRODUCTION: &str = "# Configuration

<!-- Generated from the table in app/src/config/table.rs by `cargo run -p xtask -- write`. -->

Hearth runs without any setting. What is set comes from, the first wins:

1. the command line (`--data-dir`, `--port`),
2. the environment: `HEARTH_…`, or `HEARTH_…_FILE`, the path of a file that holds the value (for secrets),
3. a file in TOML: `--config FILE` or `HEARTH_CONFIG`, else `hearth.toml` in the current directory, else
   `/etc/hearth/hearth.toml`,
4. the default.

An empty variable counts as not set. `hearth config check` names every problem at once and what mends it;
`hearth config check --print` also shows each value and where it comes from, secrets masked. A name that Hearth does not know is
a problem, so that a slip of the pen is not taken for a setting.

## Settings
";

const PRODUCTION: &str = "
## What production refuses

With `HEARTH_MODE=production`, `hearth serve` ends with status 1 and one line for each problem:

- a missing public address;
- plain HTTP: a public address with `http://`, or listening beyond this machine, without a proxy that is counted in
  `HEARTH_TRUSTED_PROXIES`;
- a database role that owns tables, is a superuser or goes round row security, or that is not hearth_app (hearth_system for the
  second address);
- a database that does not answer, lacks migrations or has some that this program does not know (run `hearth migrate`);
- a PostgreSQL, Redis or S3 on another machine that is spoken to without TLS, or a PostgreSQL that need not prove who it is
  (`sslmode=verify-full`); a mail server that would get a password readable;
- several nodes without a Redis that counts for all of them;
- authentication that is switched off, wider limits, a CAPTCHA that anybody passes.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_in_both_texts() {
        let (env, page) = (env_example(), reference());
        for setting in TABLE {
            assert!(env.contains(&format!("\n# {}=", setting.variable())), "{}", setting.key);
            assert!(page.contains(&format!("\n### {}\n", setting.variable())), "{}", setting.key);
        }
        assert!(env.lines().all(|line| line.is_empty() || line.starts_with('#')), "nothing is set by the example");
        assert!(env.lines().all(|line| line.len() <= 130));
    }
}
