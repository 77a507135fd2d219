//! Who may do what: accounts, sign-in, browser sessions, businesses, members, sites.
//!
//! Accounts and sessions are global and seen by the system role alone; members and sites are a business's own.

mod account;
mod admin;
mod api_key;
mod assist;
mod auth_off;
mod brand;
mod breaches;
mod business;
mod captcha;
mod change_email;
mod client;
mod data;
mod device;
mod email;
mod external;
mod guess;
mod invitation;
mod join;
mod keys;
mod known_device;
mod letter;
mod limits;
mod link;
mod login;
mod member;
mod oidc;
mod outside;
mod pages;
mod passkey;
mod password;
mod phone;
mod picture;
mod pin;
mod policy;
mod profile;
mod reauth;
mod refresh;
mod register;
mod reset;
mod revocation;
mod role;
mod second;
mod secret;
mod session;
mod sessions;
mod settings;
mod site;
mod standing;
mod tenants;
mod token;

use std::time::Duration;

use db::{Db, Later, Periodic};
use kernel::{Permission, Result};
use web::{Answers, Cx, Place, Reply, Routes, Slice};

pub use account::{account_for, set_password, take_back_unconfirmed};
pub use admin::{Act, act, find, make_admin, recovery_link, sign_everybody_out};
pub use auth_off::first_owner;
pub use business::{OpenBusiness, open_business};
pub use data::{KEPT, Kept, by_operator as export_account, erase_due, erase_now};
pub use keys::rotate_signing;
pub use link::password_link;
pub use session::session_for;
pub use site::{site, sites};

const PLACES: &[Place] = &[
    Place { label: "place-team", href: "/team", icon: "people", needs: Permission::TeamRead, rank: 80 },
    Place { label: "place-tenants", href: "/admin/tenants", icon: "home", needs: Permission::PlatformRead, rank: 91 },
    Place { label: "place-users", href: "/admin/users", icon: "people", needs: Permission::PlatformRead, rank: 92 },
    Place { label: "place-settings", href: "/settings", icon: "gear", needs: Permission::SettingsWrite, rank: 90 },
];

const HOUR: Duration = Duration::from_secs(3600);

const PERIODIC: &[Periodic] = &[
    Periodic { name: "identity.sweep", every: HOUR, run: |db| Box::pin(async move { sweep(&db).await }) },
    Periodic { name: "identity.erase", every: HOUR, run: |db| Box::pin(async move { erase_due(&db).await.map(|_| ()) }) },
];

const LATER: &[Later] = &[Later { name: letter::JOB, run: letter::run, died: None }];

/// Deletes what is long over, table by table.
async fn sweep(db: &Db) -> Result<()> {
    let mut system = db.system("identity.sweep").await?;
    session::sweep(&mut system).await?;
    link::sweep(&mut system).await?;
    letter::sweep(&mut system).await?;
    register::sweep(&mut system).await?;
    reset::sweep(&mut system).await?;
    second::sweep(&mut system).await?;
    phone::sweep(&mut system).await?;
    guess::sweep(&mut system).await?;
    known_device::sweep(&mut system).await?;
    device::sweep(&mut system).await?;
    passkey::sweep(&mut system).await?;
    oidc::sweep(&mut system).await?;
    revocation::sweep(&mut system).await?;
    system.commit().await
}

/// Identity as the program takes it up.
pub fn slice() -> Slice {
    Slice {
        places: PLACES,
        periodic: PERIODIC,
        later: LATER,
        authenticate: Some(|app, parts, address| Box::pin(token::authenticate(app, parts, address))),
        ..Slice::new("identity", || sqlx::migrate!(), routes, include_str!("../texts/en.ftl"))
    }
}

/// Seals every secret of this slice anew with the newest key of the ring; how many.
pub async fn reseal(db: &Db) -> Result<u64> {
    let mut system = db.system("identity.reseal").await?;
    let begun = passkey::reseal(&mut system).await? + oidc::reseal(&mut system, db).await?;
    let sealed = begun
        + keys::reseal(&mut system, db).await?
        + second::reseal(&mut system, db).await?
        + refresh::reseal(&mut system, db).await?
        + pin::reseal(&mut system, db).await?
        + profile::reseal(&mut system, db).await?;
    system.commit().await?;
    Ok(sealed)
}

fn routes(routes: &mut Routes) {
    signing_in(routes);
    oneself(routes);
    passkeys(routes);
    devices(routes);
    businesses(routes);
    team(routes);
    addresses(routes);
    telephone(routes);
    rights(routes);
    operator(routes);
    support(routes);
    pages::routes(routes);
    limits::routes(routes);
}

/// Calls of those who are not signed in yet.
fn signing_in(routes: &mut Routes) {
    use Permission::Open;
    routes.call::<register::Register, account::Accepted, _, _>("POST /v1/auth/register", Open, "Register", register::post);
    routes.call::<register::Addressed, account::Accepted, _, _>(
        "POST /v1/auth/resend-verification",
        Open,
        "ResendVerification",
        register::post_resend,
    );
    routes.json("GET /v1/auth/verify-email", Open, "VerificationStands", &["token"], register::get_verify);
    routes.call::<register::VerifyEmail, register::Verified, _, _>(
        "POST /v1/auth/verify-email",
        Open,
        "VerifyEmail",
        register::post_verify,
    );
    routes.call::<login::Login, login::Outcome, _, _>("POST /v1/auth/login", Open, "Login", login::post);
    routes.call::<second::VerifySecond, login::Outcome, _, _>("POST /v1/auth/2fa/verify", Open, "VerifySecond", second::post_verify);
    routes.call::<second::RecoveryLogin, login::Outcome, _, _>(
        "POST /v1/auth/recovery-login",
        Open,
        "RecoveryLogin",
        second::post_recovery,
    );
    routes.call::<refresh::Refresh, refresh::TokenPair, _, _>("POST /v1/auth/refresh", Open, "Refresh", refresh::post);
    routes.raw("POST /v1/auth/logout", Open, Answers::Json, &[], login::post_logout);
    routes.call::<register::Addressed, account::Accepted, _, _>(
        "POST /v1/auth/forgot-password",
        Open,
        "ForgotPassword",
        reset::post_forgot,
    );
    routes.call::<reset::ResetPassword, account::Accepted, _, _>("POST /v1/auth/reset-password", Open, "ResetPassword", reset::post_reset);
    routes.json("GET /.well-known/jwks.json", Open, "SigningKeys", &[], async |cx: Cx| {
        cx.app.part::<token::Tokens>().keys.published(cx.app.db()).await
    });
}

/// Calls about the account that is signed in.
fn oneself(routes: &mut Routes) {
    use Permission::{Again, OwnAccount, Second, SignedIn};
    routes.json("GET /v1/auth/me", SignedIn, "Me", &[], account::me);
    routes.raw("POST /v1/auth/reauth/send", Again, Answers::Json, &[], reauth::post_send);
    routes.call::<reauth::ReauthVerify, login::SignedIn, _, _>("POST /v1/auth/reauth/verify", Again, "ReauthVerify", reauth::post_verify);
    routes.json("GET /v1/auth/sessions", OwnAccount, "Sessions", &[], sessions::list);
    routes.raw("DELETE /v1/auth/sessions/{id}", OwnAccount, Answers::Json, &[], sessions::delete);
    routes.raw("DELETE /v1/auth/sessions", OwnAccount, Answers::Json, &[], sessions::delete_others);
    routes.call::<reset::ChangePassword, account::Accepted, _, _>(
        "POST /v1/auth/change-password",
        OwnAccount,
        "ChangePassword",
        reset::post_change,
    );
    routes.raw("POST /v1/auth/2fa/enable-init", Second, Answers::Json, &[], async |cx: Cx| Reply::json(&second::begin(&cx).await?));
    routes.call::<second::Code, second::RecoveryCodes, _, _>(
        "POST /v1/auth/2fa/enable-complete",
        Second,
        "CompleteSecond",
        second::post_complete,
    );
    routes.call::<second::Code, account::Accepted, _, _>("POST /v1/auth/2fa/disable", OwnAccount, "DisableSecond", second::post_disable);
    routes.raw("POST /v1/auth/2fa/recovery-codes", OwnAccount, Answers::Json, &[], async |cx: Cx| {
        Reply::json(&second::rotate_codes(&cx).await?)
    });
}

/// Calls about passkeys.
fn passkeys(routes: &mut Routes) {
    use Permission::{Open, OwnAccount, Second};
    routes.raw("POST /v1/auth/passkeys/register/begin", Second, Answers::Json, &[], passkey::post_begin_adding);
    routes.call::<passkey::AddPasskey, passkey::Passkey, _, _>(
        "POST /v1/auth/passkeys/register/finish",
        Second,
        "AddPasskey",
        passkey::post_add,
    );
    routes.raw("POST /v1/auth/passkeys/login/begin", Open, Answers::Json, &[], passkey::post_begin_showing);
    routes.call::<passkey::PasskeyLogin, login::Outcome, _, _>(
        "POST /v1/auth/passkeys/login/finish",
        Open,
        "PasskeyLogin",
        passkey::post_login,
    );
    routes.json("GET /v1/auth/passkeys", OwnAccount, "Passkeys", &[], async |cx: Cx| passkey::all(&cx).await);
    routes.raw("DELETE /v1/auth/passkeys/{id}", OwnAccount, Answers::Json, &[], passkey::delete);
}

/// Calls about registered devices, and by them; and the PINs that sign in there.
fn devices(routes: &mut Routes) {
    use Permission::{Open, OwnAccount, SettingsWrite};
    routes.list("GET /v1/devices", SettingsWrite, &device::DEVICES);
    routes.call::<device::AddDevice, device::AddedDevice, _, _>("POST /v1/devices", SettingsWrite, "AddDevice", device::post_add);
    routes.command::<device::ChangeDevice>("POST /v1/devices/{id}");
    routes.command::<device::RevokeDevice>("DELETE /v1/devices/{id}");
    routes.call::<device::RegisterDevice, device::RegisteredDevice, _, _>(
        "POST /v1/devices/register",
        Open,
        "RegisterDevice",
        device::post_register,
    );
    routes.call::<device::key::AskChallenge, device::key::Challenge, _, _>(
        "POST /v1/auth/device/challenge",
        Open,
        "AskChallenge",
        device::key::post_ask,
    );
    routes.call::<device::enter::SeePeople, device::enter::People, _, _>(
        "POST /v1/auth/device/people",
        Open,
        "SeePeople",
        device::enter::post_people,
    );
    routes.call::<device::enter::DeviceLogin, login::SignedIn, _, _>(
        "POST /v1/auth/device/login",
        Open,
        "DeviceLogin",
        device::enter::post_login,
    );
    routes.call::<device::enter::ProveDevice, device::enter::Proved, _, _>(
        "POST /v1/auth/device/prove",
        Open,
        "ProveDevice",
        device::enter::post_prove,
    );
    routes.raw("POST /v1/auth/device/lock", Open, Answers::Json, &[], device::enter::post_lock);
    routes.json("GET /v1/auth/pin", OwnAccount, "OwnPin", &[], async |cx: Cx| pin::own(&cx).await);
    routes.call::<pin::SetPin, pin::OwnPin, _, _>("POST /v1/auth/pin", OwnAccount, "SetPin", pin::post_set);
    routes.raw("DELETE /v1/auth/pin", OwnAccount, Answers::Json, &[], pin::delete_own);
}

/// Calls that change the address.
fn addresses(routes: &mut Routes) {
    use Permission::{Open, OwnAccount};
    routes.call::<change_email::ChangeEmail, account::Accepted, _, _>(
        "POST /v1/auth/change-email",
        OwnAccount,
        "ChangeEmail",
        change_email::post_ask,
    );
    routes.call::<change_email::ConfirmEmail, change_email::NewEmail, _, _>(
        "POST /v1/auth/change-email/confirm",
        Open,
        "ConfirmEmail",
        change_email::post_confirm,
    );
}

/// Calls about the telephone to which codes go.
fn telephone(routes: &mut Routes) {
    use Permission::OwnAccount;
    routes.call::<phone::SetPhone, account::Accepted, _, _>("POST /v1/auth/phone", OwnAccount, "SetPhone", phone::post_ask);
    routes.call::<phone::ConfirmPhone, phone::NewPhone, _, _>(
        "POST /v1/auth/phone/confirm",
        OwnAccount,
        "ConfirmPhone",
        phone::post_confirm,
    );
    routes.raw("DELETE /v1/auth/phone", OwnAccount, Answers::Json, &[], phone::delete);
}

/// Calls about what belongs to oneself.
fn rights(routes: &mut Routes) {
    use Permission::OwnAccount;
    routes.raw("GET /v1/auth/export", OwnAccount, Answers::Json, &[], data::get_export);
    routes.call::<data::EraseAccount, data::Erasing, _, _>("POST /v1/auth/erase", OwnAccount, "EraseAccount", data::post_erase);
}

/// Calls by which support looks into a business, with its owner's consent.
fn support(routes: &mut Routes) {
    use Permission::{Open, PlatformRead, PlatformSupport, SettingsWrite};
    const LIST: &[&str] = &["slug", "sort", "cursor", "limit"];
    routes.json("GET /v1/admin/tenants", PlatformRead, "Tenants", LIST, tenants::list);
    routes.json("GET /v1/admin/tenants/{id}", PlatformRead, "Tenant", &[], tenants::one);
    routes.call::<assist::Assist, assist::AtWork, _, _>(
        "POST /v1/admin/tenants/{id}/assist",
        PlatformSupport,
        "Assist",
        assist::post_begin,
    );
    routes.raw("POST /v1/assist/stop", Open, Answers::Json, &[], assist::post_stop);
    routes.json("GET /v1/settings/support", SettingsWrite, "SupportAccess", &[], async |cx: Cx| assist::access(&mut cx.tx().await?).await);
    routes.call::<assist::LetSupportIn, assist::Consent, _, _>(
        "POST /v1/settings/support",
        SettingsWrite,
        "LetSupportIn",
        assist::post_let_in,
    );
    routes.raw("DELETE /v1/settings/support", SettingsWrite, Answers::Json, &[], assist::delete);
}

/// Calls of the operator.
fn operator(routes: &mut Routes) {
    use Permission::{PlatformAdmin, PlatformRead, PlatformSupport};
    const LIST: &[&str] = &["email", "locked", "twoFactor", "role", "tenant", "from", "to", "sort", "cursor", "limit"];
    routes.json("GET /v1/admin/users", PlatformRead, "Users", LIST, admin::list);
    routes.json("GET /v1/admin/users/{id}", PlatformRead, "User", &[], admin::one);
    routes.call::<admin::SetPlatformRoles, admin::User, _, _>(
        "POST /v1/admin/users/{id}/roles",
        PlatformAdmin,
        "SetPlatformRoles",
        admin::post_roles,
    );
    routes.call::<admin::ActOnUser, admin::User, _, _>("POST /v1/admin/users/{id}/lock", PlatformAdmin, "LockUser", admin::post_lock);
    routes.call::<admin::ActOnUser, admin::User, _, _>(
        "POST /v1/admin/users/{id}/unlock",
        PlatformSupport,
        "UnlockUser",
        admin::post_unlock,
    );
    routes.call::<admin::ActOnUser, admin::User, _, _>(
        "POST /v1/admin/users/{id}/reset-2fa",
        PlatformAdmin,
        "ResetSecond",
        admin::post_reset_second,
    );
    routes.call::<admin::EndSessions, admin::SessionsEnded, _, _>(
        "POST /v1/admin/sessions/end",
        PlatformAdmin,
        "EndSessions",
        admin::post_end_sessions,
    );
    routes.call::<admin::ActOnUser, account::Accepted, _, _>(
        "POST /v1/admin/users/{id}/resend-verification",
        PlatformSupport,
        "ResendToUser",
        admin::post_resend,
    );
}

/// Calls about those who work in a business.
fn team(routes: &mut Routes) {
    use Permission::{Member, Open, OwnAccount, TeamRead, TeamWrite};
    routes.list("GET /v1/team/members", TeamRead, &member::MEMBERS);
    routes.list("GET /v1/team/others", TeamRead, &member::OTHERS);
    routes.call::<member::AddMember, member::Added, _, _>("POST /v1/team/members", TeamWrite, "AddMember", member::post_add);
    routes.json("GET /v1/team/members/{accountId}", TeamRead, "Member", &[], async |cx: Cx| {
        member::member(&mut cx.tx().await?, cx.id("accountId")?).await
    });
    routes.command::<member::ChangeRoles>("POST /v1/team/members/{accountId}/roles");
    routes.command::<join::Approve>("POST /v1/team/members/{accountId}/approve");
    routes.command::<join::Refuse>("POST /v1/team/members/{accountId}/refuse");
    routes.command::<join::RemoveMember>("DELETE /v1/team/members/{accountId}");
    routes.command::<pin::RemovePin>("DELETE /v1/team/members/{accountId}/pin");
    routes.call::<join::AskToJoin, account::Accepted, _, _>("POST /v1/team/join", OwnAccount, "AskToJoin", join::post_ask);
    routes.json("GET /v1/team/members/{accountId}/profile", Member, "Profile", &[], profile::get);
    routes.call::<profile::SaveProfile, profile::Saved, _, _>(
        "POST /v1/team/members/{accountId}/profile",
        Member,
        "SaveProfile",
        profile::post,
    );
    routes.json("GET /v1/team/roles", TeamRead, "Roles", &[], async |cx: Cx| role::all(&mut cx.tx().await?).await);
    routes.command::<role::MakeRole>("POST /v1/team/roles");
    routes.command::<role::ChangeRole>("POST /v1/team/roles/{id}");
    routes.command::<role::DeleteRole>("DELETE /v1/team/roles/{id}");
    routes.list("GET /v1/team/invitations", TeamRead, &invitation::INVITATIONS);
    routes.call::<invitation::Invite, invitation::Invitation, _, _>(
        "POST /v1/team/invitations",
        TeamWrite,
        "Invite",
        invitation::post_invite,
    );
    routes.command::<invitation::RevokeInvitation>("DELETE /v1/team/invitations/{id}");
    routes.call::<invitation::ResendInvitation, invitation::Invitation, _, _>(
        "POST /v1/team/invitations/{id}/resend",
        TeamWrite,
        "ResendInvitation",
        invitation::post_resend,
    );
    routes.call::<invitation::AcceptInvitation, invitation::Joined, _, _>(
        "POST /v1/auth/invitations/accept",
        Open,
        "AcceptInvitation",
        invitation::post_accept,
    );
}

/// Calls about the businesses of an account, and within one.
fn businesses(routes: &mut Routes) {
    use Permission::{ApiKeyWrite, Member, OwnAccount, SettingsWrite, SignedIn};
    routes.json("GET /v1/tenants", SignedIn, "Businesses", &[], business::list);
    routes.call::<business::OpenBusiness, login::SignedIn, _, _>("POST /v1/tenants", OwnAccount, "OpenBusiness", business::post_open);
    routes.call::<business::SwitchTenant, login::SignedIn, _, _>(
        "POST /v1/auth/switch-tenant",
        OwnAccount,
        "SwitchTenant",
        business::post_switch,
    );
    routes.list("GET /v1/sites", Member, &site::SITES);
    routes.call::<site::AddSite, site::SiteAdded, _, _>("POST /v1/sites", SettingsWrite, "AddSite", site::post);
    routes.json("GET /v1/settings", Member, "Settings", &[], async |cx: Cx| settings::settings(&mut cx.tx().await?).await);
    routes.command::<settings::SaveSettings>("POST /v1/settings");
    routes.json("GET /v1/settings/security", SettingsWrite, "Security", &[], async |cx: Cx| policy::security(&mut cx.tx().await?).await);
    routes.command::<policy::SaveSecurity>("POST /v1/settings/security");
    routes.json("GET /v1/settings/branding", SettingsWrite, "Branding", &[], async |cx: Cx| brand::branding(&mut cx.tx().await?).await);
    routes.command::<brand::SaveBranding>("POST /v1/settings/branding");
    routes.upload("POST /v1/settings/branding/logo", SettingsWrite, brand::post_logo);
    routes.command::<brand::RemoveLogo>("DELETE /v1/settings/branding/logo");
    routes.list("GET /v1/api-keys", ApiKeyWrite, &api_key::KEYS);
    routes.call::<api_key::MakeApiKey, api_key::MadeApiKey, _, _>("POST /v1/api-keys", ApiKeyWrite, "MakeApiKey", api_key::post_make);
    routes.command::<api_key::RevokeApiKey>("DELETE /v1/api-keys/{id}");
}
