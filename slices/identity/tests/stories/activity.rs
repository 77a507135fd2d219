//! What is noted of signing in and out, where whoever runs a business or the installation reads it.

use kernel::{PlatformRole, Role};
use serde_json::{Value, json};
use testkit::{Person, run};

use crate::{PASSWORD, sign_in};

/// The notes of an action about an account, as somebody reads them; the last one first.
async fn noted(reader: &Person, path: &str, action: &str, account: &str) -> Vec<Value> {
    let page = reader.get(&format!("{path}?action={action}&target={account}")).await.ok().json();
    page["rows"].as_array().unwrap().clone()
}

#[test]
fn whoever_runs_a_business_reads_who_came_went_and_could_not_show_who_they_are() {
    run(async |story| {
        let ada = story.member(&[Role::Seller]).await;
        let (id, email) = (ada.account.unwrap(), ada.email.clone());
        identity::set_password(&story.db, id, PASSWORD).await.unwrap();
        sign_in(&ada, &email, PASSWORD).await.is(200);

        // Signed in, she slips: at her password, at a mailed code, at her second factor's first code, and at switching it off.
        let change = json!({ "currentPassword": "not it at all", "newPassword": "seventeen quiet umbrellas waltz" });
        ada.post("/v1/auth/change-password", &change).await.refused("password.current");
        ada.post("/v1/auth/reauth/send", &json!({})).await.is(202);
        ada.post("/v1/auth/reauth/verify", &json!({ "code": "12345" })).await.refused("second.wrong");
        ada.post("/v1/auth/2fa/enable-init", &json!({})).await.ok();
        ada.post("/v1/auth/2fa/enable-complete", &json!({ "code": "12345" })).await.refused("second.wrong");
        crate::second::set_up(&story, &ada).await;
        ada.post("/v1/auth/2fa/disable", &json!({ "code": "12345" })).await.refused("second.wrong");
        ada.post("/v1/auth/logout", &json!({})).await.is(204);
        ada.post("/v1/auth/logout", &json!({})).await.is(204);

        // Strangers try: her password, a mailed code, and, the password known, her second factor until it is shut.
        let stranger = story.stranger();
        sign_in(&stranger, &email, "not it at all").await.refused("login.wrong");
        stranger.post("/v1/auth/forgot-password", &json!({ "email": email })).await.is(202);
        story.letter(&email, "reset").await;
        let reset = json!({ "email": email, "code": "12345", "newPassword": "seventeen quiet umbrellas waltz" });
        stranger.post("/v1/auth/reset-password", &reset).await.refused("reset.code");
        let awaited = sign_in(&stranger, &email, PASSWORD).await.is(200).json();
        for _ in 0..4 {
            let wrong = json!({ "mfaToken": awaited["mfaToken"], "code": "12345" });
            stranger.post("/v1/auth/2fa/verify", &wrong).await.refused("second.wrong");
        }
        let wrong = json!({ "mfaToken": awaited["mfaToken"], "recoveryCode": "nonsense" });
        stranger.post("/v1/auth/recovery-login", &wrong).await.refused("second.shut");

        story.db.flush_activity().await;
        let operator = story.operator(&[PlatformRole::Support]).await;
        // By whom it is read, what, how often, and what is said of the last one.
        for (installation, action, often, said) in [
            (false, "auth.signed_in", 1, json!({ "how": "password", "session": "browser" })),
            (false, "auth.proof_failed", 1, json!({ "how": "password" })),
            (false, "auth.code_failed", 1, json!({ "for": "again" })),
            (false, "auth.second_factor_failed", 2, json!({ "how": "totp" })),
            (false, "auth.signed_out", 1, json!({ "session": "browser" })),
            (true, "auth.failed", 1, json!({ "how": "password" })),
            (true, "auth.code_failed", 2, json!({ "for": "reset" })),
            (true, "auth.second_factor_failed", 5, json!({ "how": "totp" })),
            (true, "auth.locked_out", 1, json!({ "how": "totp" })),
        ] {
            let (reader, path) = if installation { (&operator, "/v1/admin/activity") } else { (&story.owner, "/v1/activity") };
            let rows = noted(reader, path, action, &id.to_string()).await;
            let last: Value = rows.first().map_or(Value::Null, |row| serde_json::from_str(row["detail"].as_str().unwrap()).unwrap());
            assert_eq!((rows.len(), last), (often, said), "{action}: {rows:?}");
        }
    });
}

#[test]
fn a_password_that_somebody_signed_in_guesses_at_is_locked_out_and_a_program_s_sign_out_is_noted() {
    run(async |story| {
        let ada = story.member(&[Role::Seller]).await;
        let (id, email) = (ada.account.unwrap().to_string(), ada.email.clone());
        identity::set_password(&story.db, ada.account.unwrap(), PASSWORD).await.unwrap();
        sign_in(&ada, &email, PASSWORD).await.is(200);
        for _ in 0..5 {
            ada.post("/v1/auth/reauth/verify", &json!({ "password": "not it at all" })).await.refused("password.current");
        }
        ada.post("/v1/auth/reauth/verify", &json!({ "password": PASSWORD })).await.refused("login.shut");
        assert_eq!(ada.form("/logout", &[]).await.location(), "/login");
        let pair = story.stranger().post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await.is(200).json();
        crate::bearing(&story.stranger(), pair["accessToken"].as_str().unwrap(), "POST", "/v1/auth/logout", &json!({})).await.is(204);
        story.db.flush_activity().await;
        for (action, often) in
            [("auth.proof_failed", 4), ("auth.locked_out", 1), ("auth.signed_in", 1), ("auth.tokens_given", 1), ("auth.signed_out", 2)]
        {
            let rows = noted(&story.owner, "/v1/activity", action, &id).await;
            assert_eq!(rows.len(), often, "{action}: {rows:?}");
        }
    });
}
