//! What a business keeps of each person, and who sees it.

use kernel::Role;
use serde_json::{Value, json};
use testkit::{Person, Story};

fn api(of: &Person) -> String {
    format!("/v1/team/members/{}/profile", of.account.unwrap())
}

fn page(of: &Person) -> String {
    format!("/team/{}", of.account.unwrap())
}

const NINO: &str = "AB 12 34 56 C";

/// Everything, as an owner writes it down.
async fn written(story: &Story, of: &Person) {
    let body = json!({
        "version": 0, "firstName": "Ada", "middleName": "M.", "lastName": "Lovelace", "phones": ["+44 131 496 0000", ""],
        "nationalId": { "country": "gb", "number": NINO }, "jobTitle": "Head baker", "employedSince": "2024-03-01",
        "pay": { "basis": "hour", "amount": { "minor": 123_456, "currency": "GBP" }, "method": "bank" },
        "emergency": { "name": "Grace", "phone": "+44 131 496 0001", "relation": "sister" },
    });
    story.post(&api(of), &body).await.is(200);
}

/// Every row of a table that is about a business, as text.
async fn table(story: &Story, sql: &'static str) -> String {
    let mut system = story.db.system("story.table").await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(sql).bind(story.tenant.uuid()).fetch_all(system.conn()).await.unwrap();
    rows.join("\n")
}

#[test]
fn a_profile_is_written_down_and_every_change_is_kept() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        assert_eq!(story.get(&api(&ada)).await.ok().json()["version"], json!(0));
        written(&story, &ada).await;
        let shown = story.get(&api(&ada)).await.ok().json();
        assert_eq!(
            (
                &shown["firstName"],
                &shown["phones"],
                &shown["employedSince"],
                &shown["nationalId"]["number"],
                &shown["pay"]["amount"]["minor"]
            ),
            (&json!("Ada"), &json!(["+441314960000"]), &json!("2024-03-01"), &json!("•••• 56C"), &json!(123_456))
        );
        let stale = json!({ "version": 0, "jobTitle": "Chief" });
        story.post(&api(&ada), &stale).await.refused("stale");
        story
            .post(
                &api(&ada),
                &json!({ "version": 1, "jobTitle": "Chief baker", "nationalId": { "country": "KG", "number": "21503199012345" } }),
            )
            .await
            .ok();
        let history = story.get(&page(&ada)).await.is(200).text();
        for told in ["Profile changed", "Head baker", "Chief baker", "GB, •••• 56C", "KG, •••• 345", "£1,234.56 an hour, bank"]
        {
            assert!(history.contains(told), "{told}: {history}");
        }
        // What does not change is no change.
        let same = story.post(&api(&ada), &json!({ "version": 2, "jobTitle": "Chief baker" })).await.ok().json();
        assert_eq!(same["version"], json!(2));
        // What is taken away goes; the rest stays.
        story.post(&api(&ada), &json!({ "version": 2, "emergency": null, "nationalId": null, "middleName": "" })).await.ok();
        let left = story.get(&api(&ada)).await.ok().json();
        assert_eq!(
            (&left["emergency"], &left["middleName"], left.get("nationalId"), &left["lastName"]),
            (&Value::Null, &Value::Null, None, &json!("Lovelace"))
        );
    });
}

#[test]
fn people_change_what_is_theirs_and_managers_what_is_the_business_s() {
    testkit::run(async |story| {
        let (ada, other) = (story.member(&[Role::Baker]).await, story.member(&[Role::Seller]).await);
        let own = json!({ "version": 0, "firstName": "Ada", "phones": ["+254 20 123 4567"], "emergency": { "name": "Grace", "phone": "+254 20 765 4321" } });
        ada.post(&api(&ada), &own).await.ok();
        for managed in [
            json!({ "jobTitle": "Owner" }),
            json!({ "employedSince": "2020-01-01" }),
            json!({ "nationalId": null }),
            json!({ "pay": null }),
        ] {
            let mut body = managed;
            body["version"] = json!(1);
            ada.post(&api(&ada), &body).await.refused("auth.forbidden");
        }
        ada.get(&page(&ada)).await.is(200);
        // Of colleagues one sees nothing without the permission.
        other.get(&api(&ada)).await.refused("auth.forbidden");
        other.get(&page(&ada)).await.is(403);
        other.post(&api(&ada), &json!({ "version": 1, "firstName": "Eve" })).await.refused("auth.forbidden");
        let manager = story.member(&[Role::Manager]).await;
        manager.post(&api(&ada), &json!({ "version": 1, "jobTitle": "Baker" })).await.ok();
        let pay = json!({ "version": 2, "pay": { "basis": "hour", "amount": { "minor": 1, "currency": "GBP" }, "method": "cash" } });
        manager.post(&api(&ada), &pay).await.refused("auth.forbidden");
        // The page: what was typed comes back, and what is wrong is said beside it.
        let edit = format!("{}/edit", page(&ada));
        let form = ada.get(&edit).await.is(200);
        assert_eq!(
            (form.input("firstName"), form.text().contains("jobTitle"), form.text().contains("pay.amount")),
            ("Ada".into(), false, false)
        );
        let wrong = ada.form(&edit, &[("version", "2"), ("firstName", "Ada"), ("phones.0", "131")]).await.is(422);
        assert!(wrong.input("phones.0") == "131" && wrong.text().contains("Write the number with its country"), "{}", wrong.text());
        let fields = [("version", "2"), ("firstName", "Adaeze"), ("phones.0", "+254 20 123 4567")];
        assert_eq!(ada.form(&edit, &fields).await.location(), page(&ada));
        let kept = story.get(&api(&ada)).await.ok().json();
        assert_eq!((&kept["firstName"], &kept["jobTitle"]), (&json!("Adaeze"), &json!("Baker")));
        let owners = [
            ("version", "3"),
            ("firstName", "Adaeze"),
            ("jobTitle", "Baker"),
            ("employedSince", "2024-03-01"),
            ("nationalId.country", "DE"),
            ("nationalId.number", "86 095 742 719"),
            ("pay.amount", "2,100.50"),
            ("pay.basis", "month"),
            ("pay.method", "mobile"),
        ];
        assert_eq!(story.form(&edit, &owners).await.location(), page(&ada));
        let kept = story.get(&api(&ada)).await.ok().json();
        assert_eq!((&kept["pay"]["amount"]["minor"], &kept["nationalId"]["country"]), (&json!(210_050), &json!("DE")));
    });
}

#[test]
fn what_can_t_be_right_is_refused() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        for (wrong, code) in [
            (json!({ "nationalId": { "country": "GB", "number": "QQ123456C" } }), "national_id.format"),
            (json!({ "nationalId": { "country": "Britain", "number": "AB123456C" } }), "country.unknown"),
            (json!({ "phones": ["0131 496 0000"] }), "phone.format"),
            (json!({ "phones": ["+4413149600", "+4413149601", "+4413149602", "+4413149603"] }), "phone.too_many"),
            (json!({ "firstName": "a".repeat(101) }), "text.too_long"),
            (json!({ "lastName": "a\u{7}b" }), "text.control"),
            (json!({ "employedSince": "1 March" }), "day.format"),
            (json!({ "employedSince": "9999-01-01" }), "day.out_of_range"),
            (json!({ "pay": { "basis": "hour", "amount": { "minor": 1, "currency": "EUR" }, "method": "bank" } }), "money.currency"),
            (json!({ "pay": { "basis": "hour", "amount": { "minor": -1, "currency": "GBP" }, "method": "bank" } }), "number.not_negative"),
            (json!({ "emergency": { "name": "", "phone": "+4413149600" } }), "text.needed"),
        ] {
            let mut body = wrong;
            body["version"] = json!(0);
            story.post(&api(&ada), &body).await.refused(code);
        }
        assert_eq!(story.get(&api(&ada)).await.ok().json()["version"], json!(0));
    });
}

#[test]
fn attack_pay_is_seen_nowhere_without_the_permission() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        written(&story, &ada).await;
        let manager = story.member(&[Role::Manager]).await;
        let accountant = story.member(&[Role::Accountant]).await;
        assert_eq!(accountant.get(&api(&ada)).await.ok().json()["pay"]["amount"]["minor"], json!(123_456));
        story.sequence().await;
        let account = ada.account.unwrap();
        let entries = manager.get("/v1/trail?limit=200").await.ok().json();
        let ids = entries["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        let mut asked: Vec<String> = ids.flat_map(|id| [format!("/v1/trail/{id}"), format!("/activity/{id}")]).collect();
        asked.extend(
            ["/v1/team/members", "/v1/team/members?format=csv", "/v1/trail", "/v1/trail?format=csv", "/team", "/activity"]
                .map(str::to_owned),
        );
        asked.extend([api(&ada), page(&ada), format!("{}/edit", page(&ada)), format!("/v1/team/members/{account}")]);
        for who in [&manager, &ada] {
            for path in &asked {
                let said = who.get(path).await.text();
                assert!(!said.contains("1,234.56") && !said.contains("1234.56") && !said.contains("123456"), "{who:?} {path}: {said}");
            }
        }
        assert!(accountant.get(&page(&ada)).await.is(200).text().contains("1,234.56"));
    });
}

#[test]
fn attack_whoever_reads_the_tables_reads_no_national_id() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        written(&story, &ada).await;
        story.post(&api(&ada), &json!({ "version": 1, "nationalId": { "country": "KG", "number": "21503199012345" } })).await.ok();
        story.sequence().await;
        let tables = [
            "SELECT p::text FROM identity.profile p WHERE p.tenant_id = $1",
            "SELECT p::text FROM identity.profile_past p WHERE p.tenant_id = $1",
            "SELECT p::text FROM db.personal p WHERE p.tenant_id = $1",
            "SELECT l::text FROM db.log l WHERE l.tenant_id = $1",
            "SELECT i::text FROM db.intent i WHERE i.tenant_id = $1",
        ];
        for sql in tables {
            let rows = table(&story, sql).await.to_uppercase();
            let hex = |text: &str| text.bytes().map(|b| format!("{b:02X}")).collect::<String>();
            for id in ["AB123456C", "21503199012345"] {
                assert!(!rows.contains(id) && !rows.contains(&hex(id)), "{sql}: {rows}");
            }
        }
        // The log itself holds no name, no number and no pay either: digests stand for them.
        let log = table(&story, "SELECT l::text FROM db.log l WHERE l.tenant_id = $1 AND l.action = 'profile.changed'").await;
        assert!(log.contains("digest") && !log.contains("Lovelace") && !log.contains("441314960000") && !log.contains("123456"), "{log}");
        // Sealed for one member, it opens for no other.
        let other = story.member(&[Role::Baker]).await;
        story.post(&api(&other), &json!({ "version": 0, "nationalId": { "country": "NG", "number": "12345678901" } })).await.ok();
        let mut system = story.db.system("story.swap").await.unwrap();
        sqlx::query("UPDATE identity.profile p SET id_sealed = (SELECT id_sealed FROM identity.profile o WHERE o.tenant_id = $1 AND o.account_id = $3) WHERE p.tenant_id = $1 AND p.account_id = $2")
            .bind(story.tenant.uuid())
            .bind(ada.account.unwrap().uuid())
            .bind(other.account.unwrap().uuid())
            .execute(system.conn())
            .await
            .unwrap();
        system.commit().await.unwrap();
        story.get(&api(&ada)).await.is(500);
    });
}

#[test]
fn what_was_personal_can_be_forgotten_and_the_trail_stands() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        written(&story, &ada).await;
        let mut system = story.db.system("story.erase").await.unwrap();
        db::trail::erase_everywhere(&mut system, ada.account.unwrap()).await.unwrap();
        system.commit().await.unwrap();
        let page = story.get(&page(&ada)).await.is(200).text();
        assert!(page.contains("Profile changed") && page.contains("erased"), "{page}");
    });
}

#[test]
fn national_ids_are_sealed_anew_when_keys_change() {
    testkit::own_database(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        written(&story, &ada).await;
        story.post(&api(&ada), &json!({ "version": 1, "nationalId": { "country": "NG", "number": "12345678901" } })).await.ok();
        let all = "SELECT p.id_sealed::text FROM identity.profile p WHERE p.tenant_id = $1
            UNION ALL SELECT h.sealed::text FROM identity.profile_past h WHERE h.tenant_id = $1 ORDER BY 1";
        let before = table(&story, all).await;
        assert!(identity::reseal(&story.db).await.unwrap() >= 4, "one of now and three of the past");
        let after = table(&story, all).await;
        assert!(before.lines().count() == 4 && before.lines().all(|line| !after.contains(line)), "{before} {after}");
        assert_eq!(story.get(&api(&ada)).await.ok().json()["nationalId"]["number"], json!("•••• 901"));
    });
}

/// A picture of one colour.
fn picture(width: u32, height: u32, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageRgb8(image::RgbImage::new(width, height)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn send(person: &Person, of: &Person, photo: &[u8]) -> testkit::Answer {
    person.upload(&format!("{}/photo", page(of)), &[("focusX", "30"), ("focusY", "60")], &[("photo", "me.jpg", photo)]).await
}

/// A large photo of one's own, with the token in a header: before the token is checked no more is taken than of a form.
async fn with_header(person: &Person, photo: &[u8]) -> testkit::Answer {
    let head = b"--edge\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"me.jpg\"\r\n\r\n";
    let body = [head.as_slice(), photo, b"\r\n--edge--\r\n"].concat();
    let request = axum::http::Request::post(format!("{}/photo", page(person)))
        .header("content-type", "multipart/form-data; boundary=edge")
        .header("x-csrf-token", person.csrf());
    person.send(request.body(body.into()).unwrap()).await
}

#[test]
fn a_photo_is_cut_encoded_anew_and_shown_to_those_who_may_see_its_person() {
    testkit::run(async |story| {
        let (ada, other) = (story.member(&[Role::Baker]).await, story.member(&[Role::Seller]).await);
        let mut sent = picture(900, 700, image::ImageFormat::Jpeg);
        sent.extend_from_slice(b"<script>alert('polyglot')</script>");
        assert_eq!(send(&ada, &ada, &sent).await.location(), page(&ada));
        let place = ada.get(&api(&ada)).await.ok().json()["photo"].as_str().unwrap().to_owned();
        let photo = ada.get(&place).await.is(200);
        assert_eq!(photo.header("content-type"), "image/jpeg");
        let seen = image::load_from_memory(&photo.body).unwrap();
        assert_eq!((seen.width(), seen.height()), (512, 512));
        assert!(!photo.text().contains("polyglot"));
        story.get(&place).await.is(200);
        other.get(&place).await.is(403);
        other.upload(&format!("{}/photo", page(&ada)), &[], &[("photo", "a.jpg", &sent)]).await.is(403);
        story.neighbour().await.1.get(&place).await.is(404);
        assert!(story.stranger().get(&place).await.location().starts_with("/login"));
        assert!(story.get(&page(&ada)).await.is(200).text().contains("Photo changed"));
    });
}

#[test]
fn attack_photo_bombs_and_what_is_no_photo_are_refused() {
    testkit::run(async |story| {
        let ada = story.member(&[Role::Baker]).await;
        // A small file that says it has 900 million pixels: refused by its head.
        let mut bomb = picture(8, 8, image::ImageFormat::Png);
        bomb[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&30_000_u32.to_be_bytes());
        let svg: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        let polyglot: &[u8] = b"GIF89a/*\x00\x00*/=alert(1);";
        for wrong in [&bomb[..], svg, polyglot, b"MZ\x90\x00", b"%PDF-1.7", &picture(64, 64, image::ImageFormat::Jpeg)[..60]] {
            let answer = send(&ada, &ada, wrong).await.is(422);
            let text = answer.text();
            assert!(text.contains("Send a photo as JPEG") || text.contains("A photo has at most"), "{text}");
        }
        let heavy = vec![0xff; 5 * 1024 * 1024 + 1];
        assert!(with_header(&ada, &heavy).await.is(422).text().contains("A photo has at most 5 MB"));
        assert_eq!(ada.get(&api(&ada)).await.ok().json()["photo"], Value::Null);
        let away = ada.upload(&format!("{}/photo", page(&ada)), &[("focusX", "101")], &[("photo", "a.png", &bomb)]).await.is(422);
        assert!(away.text().contains("two numbers from 0 to 100"), "{}", away.text());
    });
}

#[test]
fn attack_a_profile_of_another_business_is_not_there() {
    testkit::run(async |story| {
        let (_, neighbour) = story.neighbour().await;
        let ada = story.member(&[Role::Baker]).await;
        written(&story, &ada).await;
        neighbour.get(&api(&ada)).await.refused("not_found");
        neighbour.post(&api(&ada), &json!({ "version": 1, "firstName": "Eve" })).await.refused("not_found");
        neighbour.get(&page(&ada)).await.is(404);
        neighbour.form(&format!("{}/edit", page(&ada)), &[("version", "1")]).await.is(404);
        send(&neighbour, &ada, &picture(8, 8, image::ImageFormat::Png)).await.is(404);
        let other = json!({ "accountId": neighbour.account.unwrap(), "version": 0, "firstName": "Eve" });
        story.post(&api(&ada), &other).await.refused("body.path_differs");
    });
}
