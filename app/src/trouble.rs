//! What the terminal says when something can't be done: one line what, one line the mend.

use std::fmt;

use crate::config::Problem;

/// Why a command ended without doing what was asked.
#[derive(Debug)]
pub struct Trouble {
    /// What is wrong, one entry a problem.
    lines: Vec<(String, Option<String>)>,
    code: u8,
}

impl Trouble {
    /// Something was refused or failed: exit status 1.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { lines: vec![(what.into(), Some(mend.into()))], code: 1 }
    }

    /// The command line was wrong: exit status 2.
    pub fn usage(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { code: 2, ..Self::new(what, mend) }
    }

    /// The exit status.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (what, mend)) in self.lines.iter().enumerate() {
            let lead = if n == 0 { "" } else { "\n" };
            write!(f, "{lead}hearth: {what}")?;
            if let Some(mend) = mend {
                write!(f, "\n        {mend}")?;
            }
        }
        Ok(())
    }
}

impl From<Vec<Problem>> for Trouble {
    fn from(problems: Vec<Problem>) -> Self {
        let lines = problems.into_iter().map(|p| (format!("{} {}.", p.setting, p.problem), Some(p.mend))).collect();
        Self { lines, code: 1 }
    }
}

impl From<postgres::Error> for Trouble {
    /// These say their mend themselves, on the same line.
    fn from(error: postgres::Error) -> Self {
        Self { lines: vec![(error.to_string(), None)], code: 1 }
    }
}

impl From<kernel::Error> for Trouble {
    fn from(error: kernel::Error) -> Self {
        use kernel::Error;
        match error {
            Error::Invalid(fields) => {
                let lines = fields.into_iter().map(|f| (format!("{} ({})", web::field_text(&f), f.field), None)).collect();
                Self { lines, code: 1 }
            }
            Error::Rule { code, field, detail } => {
                let blamed = field.map_or(String::new(), |field| format!(" ({field})"));
                Self { lines: vec![(format!("{}{blamed}", web::code_text(code)), detail)], code: 1 }
            }
            Error::Unavailable(_, what) => Self::new(format!("the database does not answer: {what}"), "See that it runs, and try again."),
            Error::Internal(what) => Self::new(what, "Nothing was changed. This is a fault of Hearth."),
            other => Self { lines: vec![(web::code_text(other.row()), None)], code: 1 },
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self { lines: vec![(error.to_string(), None)], code: 1 }
    }
}
