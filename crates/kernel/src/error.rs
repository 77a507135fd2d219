//! What may go wrong, said once. `web` turns these into problem documents, pages and lines of the terminal.

use crate::{Code, codes};

/// The result of everything that may be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One field of what was sent, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path as it was sent: `lines.2.quantity`.
    pub field: String,
    /// A stable code from the table.
    pub code: &'static str,
    /// What exactly, where the code's text is not enough.
    pub detail: Option<String>,
}

/// A refusal or a failure.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in.
    #[error("not signed in")]
    Unauthenticated,
    /// Signed in, but must prove it again.
    #[error("sign in again to go on")]
    ReauthRequired,
    /// Signed in, but a second factor that is demanded of them is missing.
    #[error("a second factor is demanded")]
    SecondNeeded,
    /// The permission is missing; the text names it.
    #[error("needs the permission {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it may not be seen.
    #[error("not found")]
    NotFound,
    /// Fields that can't be taken.
    #[error("{} field(s) refused", .0.len())]
    Invalid(Vec<FieldError>),
    /// A rule of the business refuses; about one field where one is to blame.
    #[error("{}", .code.text())]
    Rule {
        /// The row of the code table.
        code: &'static Code,
        /// The field to blame, if any.
        field: Option<String>,
        /// What exactly, where the code's text is not enough.
        detail: Option<String>,
    },
    /// Somebody did something in its way at the same moment (a deadlock, a lock held too long). Tried once more by itself.
    #[error("in each other's way: {0}")]
    Conflict(String),
    /// Another version of it was saved meanwhile.
    #[error("changed by someone else meanwhile")]
    Stale,
    /// Too many requests; try again after so many seconds.
    #[error("too many requests")]
    TooMany(u32),
    /// The plan does not include it.
    #[error("not in the plan")]
    PaymentRequired,
    /// Something that is needed does not answer; try again after so many seconds.
    #[error("unavailable: {1}")]
    Unavailable(u32, String),
    /// A fault of the program; the text is for the log and never shown.
    #[error("internal: {0}")]
    Internal(String),
}

impl Error {
    /// A rule's refusal by its code. A code that the table lacks is a fault of the program (`xtask check` finds it).
    pub fn rule(code: &str) -> Self {
        match codes::find(code) {
            Some(code) => Self::Rule { code, field: None, detail: None },
            None => Self::Internal(format!("no such code: {code}")),
        }
    }

    /// Blames a field.
    #[must_use]
    pub fn at(self, blamed: impl Into<String>) -> Self {
        match self {
            Self::Rule { code, detail, .. } => Self::Rule { code, field: Some(blamed.into()), detail },
            other => other,
        }
    }

    /// Says what exactly.
    #[must_use]
    pub fn because(self, said: impl Into<String>) -> Self {
        match self {
            Self::Rule { code, field, .. } => Self::Rule { code, field, detail: Some(said.into()) },
            other => other,
        }
    }

    /// One refused field by its code.
    pub fn field(field: impl Into<String>, code: &str) -> Self {
        let row = codes::find(code).unwrap_or(&codes::INVALID);
        Self::Invalid(vec![FieldError { field: field.into(), code: row.code, detail: None }])
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// The row of the code table.
    pub fn row(&self) -> &'static Code {
        let known = |code| codes::find(code).unwrap_or(&codes::INTERNAL);
        match self {
            Self::Unauthenticated => known("auth.required"),
            Self::ReauthRequired => known("auth.again"),
            Self::SecondNeeded => known("second.needed"),
            Self::Forbidden(_) => known("auth.forbidden"),
            Self::NotFound => known("not_found"),
            Self::Invalid(_) => &codes::INVALID,
            Self::Rule { code, .. } => code,
            Self::Conflict(_) => known("conflict"),
            Self::Stale => known("stale"),
            Self::TooMany(_) => known("too_many"),
            Self::PaymentRequired => known("plan.required"),
            Self::Unavailable(..) => known("unavailable"),
            Self::Internal(_) => &codes::INTERNAL,
        }
    }
}

#[cfg(feature = "sqlx")]
impl From<sqlx::Error> for Error {
    /// Constraints speak through the code table; a database that is away or restarting is `Unavailable`; the rest is a fault.
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::{Error as Sql, ErrorKind};
        let Sql::Database(fault) = &error else {
            return match error {
                Sql::RowNotFound => Self::NotFound,
                Sql::PoolTimedOut | Sql::PoolClosed | Sql::Io(_) | Sql::Tls(_) | Sql::WorkerCrashed | Sql::BeginFailed => {
                    Self::Unavailable(1, error.to_string())
                }
                other => Self::Internal(other.to_string()),
            };
        };
        if let Some(code) = fault.constraint().and_then(codes::by_constraint) {
            return Self::Rule { code, field: None, detail: None };
        }
        match fault.code().as_deref() {
            // Serialization failure, deadlock, lock not available.
            Some("40001" | "40P01" | "55P03") => Self::Conflict(fault.message().to_owned()),
            // Connection trouble, too many connections, shutdown, crash, starting up.
            Some(state) if state.starts_with("08") || state.starts_with("57P") || state.starts_with("53") => {
                Self::Unavailable(1, fault.message().to_owned())
            }
            // A sum that no whole number of 64 bits holds.
            Some("22003") => Self::rule("number.too_large"),
            _ if matches!(fault.kind(), ErrorKind::UniqueViolation) => Self::rule("exists"),
            _ => Self::Internal(format!("{error} ({})", fault.constraint().unwrap_or("no constraint"))),
        }
    }
}
