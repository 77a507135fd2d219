//! Ids, permissions, roles, ops, errors and the table of codes.

use kernel::{
    Actor, CODES, DeviceId, Error, Id, ItemId, Op, Permission, Permissions, PlatformRole, Role, Source, TenantId, code as find,
    code_of_constraint,
};
use proptest::{prelude::*, sample::subsequence};

#[test]
fn ids_are_uuids_on_the_wire_and_nothing_else() {
    let text = "0190b0c4-7a3b-7c11-8000-0123456789ab";
    let id: ItemId = text.parse().unwrap();
    assert_eq!((id.to_string(), format!("{id:?}"), serde_json::to_string(&id).unwrap()), (text.into(), text.into(), format!("\"{text}\"")));
    assert_eq!((serde_json::from_str::<ItemId>(&format!("\"{text}\"")).unwrap(), Id::from(id.uuid())), (id, id));
    assert_eq!(text.to_uppercase().parse::<ItemId>().unwrap(), id);
    for wrong in ["", "1", "0190b0c4", "0190b0c4-7a3b-7c11-8000-0123456789ag", "' OR 1=1"] {
        assert!(wrong.parse::<ItemId>().is_err() && serde_json::from_str::<ItemId>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
    }
    let later: ItemId = "0190b0c4-7a3c-7c11-8000-0123456789ab".parse().unwrap();
    assert!(id < later && std::collections::HashSet::from([id, id, later]).len() == 2);
    assert_eq!(id.partial_cmp(&later), Some(std::cmp::Ordering::Less));
}

#[test]
fn the_owner_may_do_everything_and_nobody_nothing() {
    let owner = Permissions::of_roles(&[Role::Owner]);
    for permission in Permission::ALL {
        assert_eq!(owner.has(*permission), !permission.is_of_platform(), "{}", permission.code());
        assert!(Permissions::ALL.has(*permission));
        assert_eq!(Permissions::NONE.has(*permission), *permission == Permission::Open, "{}", permission.code());
    }
    assert_eq!(Permissions::NONE.codes(), ["open"]);
    assert_eq!(Permissions::SIGNED_IN.codes(), ["open", "again", "second", "signed-in", "own-account"]);
    assert_eq!(Permissions::of_roles(&[]).codes(), ["open", "again", "second", "signed-in", "own-account", "member"]);
    assert_eq!(owner.codes().len(), Permission::of_business().count());
}

#[test]
fn permissions_are_listed_once_and_in_order() {
    for (i, permission) in Permission::ALL.iter().enumerate() {
        assert_eq!(*permission as usize, i, "{}", permission.code());
        assert!(!Permission::ALL[..i].iter().any(|other| other.code() == permission.code()), "{} twice", permission.code());
    }
    assert!(Permission::ALL.len() < 128, "a set is 128 bits");
}

#[test]
fn roles_give_what_they_say_and_only_the_owner_changes_the_business() {
    let owner = Permissions::of_roles(&[Role::Owner]);
    for (i, role) in Role::ALL.iter().enumerate() {
        assert_eq!(
            (role.code().parse::<Role>().unwrap(), role.to_string(), serde_json::to_value(role).unwrap()),
            (*role, role.code().into(), role.code().into())
        );
        assert!(!Role::ALL[..i].contains(role));
        let may = Permissions::of_roles(&[*role]);
        assert_eq!(may, role.permissions());
        assert!(may.has(Permission::Member) && owner.includes(may));
        assert_eq!(may.has(Permission::SettingsWrite), *role == Role::Owner);
        assert_eq!(may.includes(owner), *role == Role::Owner);
    }
    assert_eq!("boss".parse::<Role>().unwrap_err().code(), "role.unknown");
    let refunds: Vec<_> = Role::ALL.iter().filter(|role| Permissions::of_roles(&[**role]).has(Permission::OrderRefund)).collect();
    assert_eq!(refunds, [&Role::Owner, &Role::Manager]);
}

#[test]
fn an_op_refuses_first_for_want_of_a_sign_in_then_of_the_right() {
    let source = Source::at("2026-01-31T08:30:00Z".parse().unwrap());
    let tenant: TenantId = source.id();
    let nobody = Op::nobody(&source);
    assert_eq!((nobody.at, nobody.needs(Permission::Open).is_ok()), (source.now(), true));
    assert_eq!(nobody.needs(Permission::SignedIn).unwrap_err().code(), "auth.required");
    assert_eq!((nobody.tenant().unwrap_err().code(), nobody.account().unwrap_err().code()), ("auth.required", "auth.required"));
    let account = source.id();
    let seller = Op { actor: Actor::Account(account), permissions: Permissions::of_roles(&[Role::Seller]), ..nobody };
    assert_eq!((seller.account().unwrap(), seller.tenant().unwrap_err().code()), (account, "tenant.none"));
    assert!(seller.needs(Permission::OrderSell).is_ok());
    let refused = seller.needs(Permission::OrderRefund).unwrap_err();
    assert_eq!(
        (refused.code(), refused.status(), refused.to_string()),
        ("auth.forbidden", 403, "needs the permission order:refund".into())
    );
    let unproved = Op { permissions: Permissions::AGAIN, ..seller.clone() };
    assert_eq!(unproved.needs(Permission::Second).unwrap_err().code(), "auth.again");
    let without = Op { permissions: Permissions::SECOND, ..seller.clone() };
    assert!(without.needs(Permission::Second).is_ok() && without.needs(Permission::Again).is_ok());
    assert_eq!(without.needs(Permission::SignedIn).unwrap_err().code(), "second.needed");
    assert_eq!(without.needs(Permission::PlatformRead).unwrap_err().code(), "second.needed");
    let homeless = Op { permissions: Permissions::SIGNED_IN, ..seller };
    assert_eq!(homeless.needs(Permission::OrderRefund).unwrap_err().code(), "tenant.none");
    let program = Op::program(&source, "job:seal", Some(tenant));
    assert!(program.tenant().unwrap() == tenant && program.needs(Permission::LedgerClose).is_ok() && program.account().is_err());
    assert_ne!(program.id::<kernel::of::Item>(), program.id::<kernel::of::Item>());
    assert_eq!(program.device, None::<DeviceId>);
}

#[test]
fn codes_are_unique_readable_and_of_refusals() {
    for (i, row) in CODES.iter().enumerate() {
        let before = &CODES[..i];
        assert!(!before.iter().any(|other| other.code == row.code), "{} twice", row.code);
        assert!(row.code.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_')), "{}", row.code);
        assert!([400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 429, 503].contains(&row.status), "{} {}", row.code, row.status);
        let (key, text) = (row.key(), row.text());
        assert!(text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase()), "{}: {text}", row.code);
        assert_eq!(kernel::CODE_TEXTS.lines().filter(|line| line.starts_with(&format!("{key} = "))).count(), 1, "{key}");
        assert!(!before.iter().any(|other| other.key() == key), "{key} twice");
        assert_eq!(find(row.code), Some(row));
        if let Some(constraint) = row.constraint {
            assert!(!before.iter().any(|other| other.constraint == row.constraint), "{constraint} twice");
            assert_eq!(code_of_constraint(constraint), Some(row));
        }
    }
    assert_eq!((find("invalid").unwrap().status, find("internal").unwrap().status), (422, 500));
    assert_eq!((find("no.such"), code_of_constraint("no_such_key")), (None, None));
}

#[test]
fn every_error_has_its_row() {
    let errors = [
        (Error::Unauthenticated, "auth.required", 401),
        (Error::ReauthRequired, "auth.again", 401),
        (Error::SecondNeeded, "second.needed", 403),
        (Error::Forbidden("order:sell"), "auth.forbidden", 403),
        (Error::NotFound, "not_found", 404),
        (Error::field("lines.0", "text.needed"), "invalid", 422),
        (Error::rule("day.closed"), "day.closed", 409),
        (Error::Stale, "stale", 409),
        (Error::TooMany(3), "too_many", 429),
        (Error::PaymentRequired, "plan.required", 402),
        (Error::Unavailable(3, "database".into()), "unavailable", 503),
        (Error::Internal("secret".into()), "internal", 500),
        (Error::rule("no.such"), "internal", 500),
    ];
    for (error, code, status) in errors {
        assert_eq!((error.code(), error.status()), (code, status), "{error}");
        assert!(!error.row().text().contains("secret") && !error.to_string().is_empty());
    }
    let said = Error::rule("item.unknown").at("lines.2.item").because("It was deleted.");
    assert!(matches!(said, Error::Rule { field: Some(field), detail: Some(_), .. } if field == "lines.2.item"));
    assert!(matches!(Error::NotFound.at("x").because("y"), Error::NotFound));
    let Error::Invalid(fields) = Error::field("name", "no.such") else { panic!("a field's refusal") };
    assert_eq!((fields[0].field.as_str(), fields[0].code), ("name", "invalid"));
}

proptest! {
    #[test]
    fn a_set_of_permissions_is_a_set(
        some in subsequence(Permission::ALL, 0..Permission::ALL.len()),
        others in subsequence(Permission::ALL, 0..Permission::ALL.len()),
        roles in subsequence(Role::ALL, 0..4),
    ) {
        let set = |all: &[Permission]| all.iter().fold(Permissions::NONE, |set, permission| set.with(*permission));
        let (a, b) = (set(&some), set(&others));
        for permission in Permission::ALL {
            prop_assert_eq!(a.has(*permission), some.contains(permission) || *permission == Permission::Open);
        }
        prop_assert_eq!(a.includes(b), others.iter().all(|permission| a.has(*permission)));
        prop_assert!(a.includes(a) && a.includes(Permissions::NONE) && Permissions::ALL.includes(a));
        let together = Permissions::of_roles(&roles);
        prop_assert!(roles.iter().all(|role| together.includes(Permissions::of_roles(&[*role]))));
    }
}

#[test]
fn on_a_device_nothing_is_done_that_outlasts_the_shift() {
    let owner = Permissions::of_roles(&[Role::Owner]).and(PlatformRole::Admin.permissions()).on_device();
    for withheld in [
        "again",
        "second",
        "own-account",
        "team:write",
        "settings:write",
        "team.pay:read",
        "api-key:write",
        "platform:admin",
        "platform:read",
    ] {
        assert!(!owner.codes().contains(&withheld), "{withheld}");
    }
    let seller = Permissions::of_roles(&[Role::Seller]);
    assert_eq!(seller.on_device().codes().len(), seller.codes().len() - 3);
    assert!(seller.on_device().has(Permission::OrderSell) && seller.includes(seller.on_device()));
}

#[test]
fn the_operators_rights_are_no_business_s_to_give() {
    let business = Permissions::of_roles(Role::ALL);
    for role in PlatformRole::ALL {
        assert_eq!(role.code().parse::<PlatformRole>().unwrap(), *role);
        assert_eq!(business.both(role.permissions()), Permissions::NONE);
        assert!(PlatformRole::Admin.permissions().includes(role.permissions()));
    }
    assert_eq!(Permissions::of_member(Permission::ALL.iter().copied()), Permissions::of_roles(&[Role::Owner]));
    assert!(!PlatformRole::Support.permissions().has(Permission::PlatformAdmin));
}

#[test]
fn support_that_was_let_in_reads_or_acts_and_never_more() {
    let (looks, acts) = (Permissions::of_support(false), Permissions::of_support(true));
    assert!(acts.includes(looks) && !looks.includes(acts));
    assert!(
        looks
            .iter()
            .all(|permission| permission == Permission::Open || permission == Permission::Member || permission.code().ends_with(":read"))
    );
    assert!(Permissions::of_roles(&[Role::Owner]).includes(acts), "no more than the owner");
    for never in [
        Permission::Again,
        Permission::SignedIn,
        Permission::TeamWrite,
        Permission::PayRead,
        Permission::ApiKeyWrite,
        Permission::PlatformRead,
        Permission::PlatformSupport,
        Permission::PlatformAdmin,
    ] {
        assert!(!acts.has(never), "{}", never.code());
    }
}

#[test]
fn an_actor_is_read_back_as_it_was_stored() {
    let source = Source::real();
    let all = [Actor::Account(source.id()), Actor::Key(source.id()), Actor::Support { account: source.id(), assistance: source.id() }];
    for actor in all {
        let (kind, id, name) = actor.stored();
        assert_eq!(Actor::read(kind, id, name.as_deref()), Some(actor));
    }
    for actor in [Actor::Nobody, Actor::Program("job")] {
        let (kind, id, name) = actor.stored();
        assert_eq!(Actor::read(kind, id, name.as_deref()), None, "whoever goes on is another one");
    }
    assert_eq!(Actor::read("support", Some(source.uuid()), Some("nobody")), None);
}
