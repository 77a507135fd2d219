//! Reports: the owner's day and the sales of any period, by day, hour, item and site.
//!
//! Figures are sums of lines. Those of sealed days are kept (`reports.day_item`, `reports.day_hour`; by item those of months, too:
//! `reports.month_item`) and rebuilt from the lines when something is posted on such a day; the days after the sealed ones, and
//! sealed days posted on since, are summed from their lines when a report is read. `hearth check` proves that the kept totals
//! equal the lines.

mod ask;
mod figures;
mod home;
mod kept;
mod months;
mod page;
mod report;
mod say;

pub use ask::{Ask, By};
pub use figures::Figures;
pub use report::{Report, Row, sales};

use kernel::Permission;
use web::{Place, Routes, Slice};

/// What the capability brings to the program.
pub fn slice() -> Slice {
    Slice {
        places: &[
            Place { label: "place-home", href: "/", icon: "home", needs: Permission::Member, rank: 0 },
            Place { label: "place-reports", href: "/reports", icon: "chart", needs: Permission::ReportRead, rank: 45 },
        ],
        seals: &[kept::seal],
        checks: &[kept::check],
        ..Slice::new("reports", || sqlx::migrate!(), routes, include_str!("../texts/en.ftl"))
    }
}

fn routes(routes: &mut Routes) {
    routes.json_or_file::<Report, _, _>(
        "GET /v1/reports/sales",
        Permission::ReportRead,
        "sales report",
        &["from", "to", "by", "site", "format"],
        report::answer,
    );
    routes.page("GET /", Permission::Member, home::page);
    routes.page("GET /home/figures", Permission::ReportRead, home::fragment);
    routes.page("GET /reports", Permission::ReportRead, page::page);
}
