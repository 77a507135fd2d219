//! `hearth jobs list | retry`: what failed in the background again and again, for a person to look at.

use clap::Subcommand;
use db::{Db, DeadJob};
use kernel::{Error, Op, PLATFORM};
use serde_json::json;
use uuid::Uuid;

use crate::{Trouble, operator::Done};

/// Work in the background.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// List the jobs that were tried eight times and laid aside, the oldest first, each with its last error.
    #[command(after_help = "Examples:\n  hearth jobs list\n  hearth jobs list --json")]
    List,
    /// Try a job again that was laid aside, once what hindered it is mended; `hearth serve` does it.
    #[command(after_help = "Example:\n  hearth jobs retry 0199f6a2-3b5c-7d10-8c11-2f64c0a1b2c3")]
    Retry {
        /// Its id, as `hearth jobs list` prints it.
        #[arg(value_name = "ID")]
        id: Uuid,
    },
}

/// Reads or retries.
pub async fn jobs(db: &Db, command: &JobsCommand) -> Result<Done, Trouble> {
    match command {
        JobsCommand::List => {
            let dead = db.dead_jobs().await?;
            let mut lines: Vec<String> = dead.iter().map(line).collect();
            if lines.is_empty() {
                lines.push("No job waits for a person.".to_owned());
            }
            Ok(Done { lines, json: json!({ "rows": dead }) })
        }
        JobsCommand::Retry { id } => {
            let retried = db.retry_job(&Op::program(db.source(), "cli:jobs retry", Some(PLATFORM)), *id).await;
            let job = retried.map_err(|error| match error {
                Error::NotFound => Trouble::new(format!("no dead job has the id {id}"), "`hearth jobs list` names them."),
                other => other.into(),
            })?;
            let lines = vec![format!("{} of {} is queued again; `hearth serve` does it.", job.name, job.tenant)];
            Ok(Done { lines, json: json!({ "id": job.id, "tenant": job.tenant, "name": job.name }) })
        }
    }
}

fn line(job: &DeadJob) -> String {
    let DeadJob { id, tenant, name, attempts, error, created_at, .. } = job;
    let error = error.as_deref().unwrap_or("no error was written down").replace(char::is_control, " ");
    format!("{id}  {tenant}  {name}  asked for at {created_at}, tried {attempts} times: {error}")
}
