//! The table that is printed.

use std::fmt;
use std::time::Duration;

/// Rows of promise, measured, required, met.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
    missed: bool,
}

impl Table {
    /// Adds a row, and says it at once: a whole run takes minutes.
    pub fn add(&mut self, promise: impl Into<String>, measured: impl Into<String>, required: impl Into<String>, met: bool) {
        let row = [promise.into(), measured.into(), required.into(), if met { "yes" } else { "NO" }.to_owned()];
        eprintln!("  {}: {} ({}): {}", row[0], row[1], row[2], row[3]);
        self.rows.push(row);
        self.missed |= !met;
    }

    /// Whether every promise was kept.
    pub fn all_met(&self) -> bool {
        !self.missed
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["promise", "measured", "required", "met"].map(str::to_owned);
        let all = || std::iter::once(&heads).chain(&self.rows);
        let widths: [usize; 4] = std::array::from_fn(|i| all().map(|row| row[i].chars().count()).max().unwrap_or(0));
        for (n, row) in all().enumerate() {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", cells.join(" | ").trim_end())?;
            if n == 0 {
                writeln!(f, "{}", widths.map(|width| "-".repeat(width)).join("-+-"))?;
            }
        }
        Ok(())
    }
}

/// The value below which so many of a hundred lie; `times` is put in order.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(at).copied().unwrap_or_default()
}

/// Milliseconds with one decimal.
pub fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Bytes as MiB.
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0)
}
