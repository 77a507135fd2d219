//! Who may do what: accounts, sign-in, browser sessions, businesses, members, sites.
//!
//! Accounts and sessions are global and seen by the system role alone; members and sites are a business's own.

mod account;
mod business;
mod email;
mod link;
mod member;
mod pages;
mod password;
mod session;
mod settings;
mod site;

use std::time::Duration;

use db::Periodic;
use kernel::Permission;
use web::{Answers, Cx, Place, Routes, Slice};

pub use account::{account_for, set_password};
pub use business::{OpenBusiness, open_business};
pub use link::password_link;
pub use session::session_for;
pub use site::{site, sites};

const PLACES: &[Place] = &[
    Place { label: "place-team", href: "/team", icon: "people", needs: Permission::TeamRead, rank: 80 },
    Place { label: "place-settings", href: "/settings", icon: "gear", needs: Permission::SettingsWrite, rank: 90 },
];

const PERIODIC: &[Periodic] =
    &[Periodic { name: "identity.sweep", every: Duration::from_secs(3600), run: |db| Box::pin(async move { session::sweep(&db).await }) }];

/// Identity as the program takes it up.
pub fn slice() -> Slice {
    Slice {
        places: PLACES,
        periodic: PERIODIC,
        authenticate: Some(|app, parts| Box::pin(session::authenticate(app, parts))),
        ..Slice::new("identity", || sqlx::migrate!(), routes, include_str!("../texts/en.ftl"))
    }
}

fn routes(routes: &mut Routes) {
    use Permission::{Member, Open, SignedIn, TeamRead, TeamWrite};
    routes.call::<account::Register, account::Accepted, _, _>("POST /v1/auth/register", Open, "Register", account::post_register);
    routes.call::<account::Login, account::SignedIn, _, _>("POST /v1/auth/login", Open, "Login", account::post_login);
    routes.raw("POST /v1/auth/logout", Open, Answers::Json, &[], account::post_logout);
    routes.call::<link::ResetPassword, account::Accepted, _, _>("POST /v1/auth/reset-password", Open, "ResetPassword", link::post_reset);
    routes.json("GET /v1/auth/me", SignedIn, "Me", &[], account::me);
    routes.json("GET /v1/tenants", SignedIn, "Businesses", &[], business::list);
    routes.call::<business::OpenBusiness, account::SignedIn, _, _>("POST /v1/tenants", SignedIn, "OpenBusiness", business::post_open);
    routes.call::<business::SwitchTenant, account::SignedIn, _, _>(
        "POST /v1/auth/switch-tenant",
        SignedIn,
        "SwitchTenant",
        business::post_switch,
    );
    routes.list("GET /v1/team/members", TeamRead, &member::MEMBERS);
    routes.call::<member::AddMember, member::Added, _, _>("POST /v1/team/members", TeamWrite, "AddMember", member::post_add);
    routes.json("GET /v1/team/members/{accountId}", TeamRead, "Member", &[], async |cx: Cx| {
        member::member(&mut cx.tx().await?, cx.id("accountId")?).await
    });
    routes.command::<member::ChangeRoles>("POST /v1/team/members/{accountId}/roles");
    routes.list("GET /v1/sites", Member, &site::SITES);
    routes.command::<site::AddSite>("POST /v1/sites");
    routes.json("GET /v1/settings", Member, "Settings", &[], async |cx: Cx| settings::settings(&mut cx.tx().await?).await);
    routes.command::<settings::SaveSettings>("POST /v1/settings");
    pages::routes(routes);
}
