//! Bodies that are taken because what they speak of lives: a password that counts, a link that was mailed just now, a code that the
//! authenticator shows, a refresh token that nobody spent. The fuzz starts from them where it would otherwise be refused at the door.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Role;
use serde_json::{Value, json};
use testkit::{Authenticator, Node, Person, Story, text};
use vault::SigningKey;

use crate::all::routes;

const PASSWORD: &str = "xylophone marmalade quietly vanishes";
const CHOSEN: &str = "seven loaves on the window sill";
const PIN: &str = "7294";
const COOKIE: &str = "__Host-hearth";

/// A registered device with its key, and the browser that runs on it.
struct Till {
    id: String,
    key: SigningKey,
    browser: Person,
}

/// What living bodies are made with, on a node that sends texts and whose limits are far.
pub(super) struct Living {
    node: Node,
    /// The kept form of [`PASSWORD`]: to hash it for each person would take most of the time.
    hash: String,
    till: Till,
    /// A seller with a PIN.
    seller: Person,
}

impl Living {
    pub(super) async fn of(story: &Story) -> Self {
        let node = story.node(|settings| (settings.limit_factor, settings.texts) = (1_000_000, Some("https://sms.example".into())));
        let account = identity::account_for(&story.db, &address(story)).await.unwrap();
        identity::set_password(&story.db, account, PASSWORD).await.unwrap();
        let mut system = story.db.system("story.password").await.unwrap();
        let kept = sqlx::query_scalar("SELECT password_hash FROM identity.account WHERE id = $1").bind(account.uuid());
        let hash = kept.fetch_one(system.conn()).await.unwrap();
        drop(system);
        let (till, seller) = (till(story, &node).await, story.member(&[Role::Seller]).await);
        seller.post("/v1/auth/pin", &json!({ "pin": PIN })).await.ok();
        Self { node, hash, till, seller }
    }

    /// Who sends a body that the command of this name takes now, and the body; none where [`super::make::whole`] makes one.
    pub(super) async fn body(&self, story: &Story, name: &str, n: usize) -> Option<(Person, Value)> {
        let stranger = self.node.stranger();
        Some(match name {
            "Login" => {
                let email = self.somebody(story).await.email;
                (stranger, json!({ "email": email, "password": PASSWORD, "session": "cookie" }))
            }
            "VerifySecond" | "RecoveryLogin" => self.second_step(story, name).await,
            "Refresh" => {
                let email = self.somebody(story).await.email;
                let pair = stranger.post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD })).await.ok().json();
                (stranger, json!({ "refreshToken": pair["refreshToken"] }))
            }
            "ResetPassword" => {
                let email = self.somebody(story).await.email;
                stranger.post("/v1/auth/forgot-password", &json!({ "email": email })).await.ok();
                let letter = story.letter(&email, "reset").await;
                let by_link = n.is_multiple_of(2);
                let by = if by_link { json!({ "token": letter.token() }) } else { json!({ "email": email, "code": letter.code }) };
                (stranger, with(by, "newPassword", json!(CHOSEN)))
            }
            "VerifyEmail" => {
                let email = address(story);
                stranger.post("/v1/auth/register", &json!({ "email": email, "password": PASSWORD })).await.ok();
                (stranger, json!({ "token": story.letter(&email, "verify").await.token(), "password": PASSWORD }))
            }
            "AcceptInvitation" => {
                let email = address(story);
                let body = json!({ "email": email, "name": "Ada", "roles": ["seller"] });
                story.post("/v1/team/invitations", &body).await.ok();
                (stranger, json!({ "token": story.letter(&email, "invitation").await.token(), "password": CHOSEN }))
            }
            "ConfirmEmail" => {
                let (person, new) = (self.somebody(story).await, address(story));
                person.post("/v1/auth/change-email", &json!({ "newEmail": new, "password": PASSWORD })).await.ok();
                (stranger, json!({ "token": story.letter(&new, "new-email").await.token() }))
            }
            // Closed once, the days of a business are closed.
            "CloseThrough" => (story.neighbour().await.1, json!({ "day": "2026-11-01" })),
            "AskToJoin" => (self.somebody(story).await, json!({ "slug": story.slug, "name": "Ada" })),
            "ChangeEmail" | "ChangePassword" | "EraseAccount" | "CompleteSecond" | "DisableSecond" | "ReauthVerify" | "SetPhone"
            | "ConfirmPhone" | "AddPasskey" | "PasskeyLogin" => self.of_oneself(story, name, n).await,
            "RegisterDevice" | "AskChallenge" | "SeePeople" | "DeviceLogin" | "ProveDevice" => self.at_the_till(story, name).await,
            _ => return None,
        })
    }

    /// Those who change their own account: each time it is another person's, for what is done once is done.
    async fn of_oneself(&self, story: &Story, name: &str, n: usize) -> (Person, Value) {
        let person = self.somebody(story).await;
        let body = match name {
            "ChangeEmail" => json!({ "newEmail": address(story), "password": PASSWORD }),
            "ChangePassword" => json!({ "currentPassword": PASSWORD, "newPassword": CHOSEN }),
            "EraseAccount" => json!({ "email": person.email, "password": PASSWORD }),
            "CompleteSecond" => {
                let begun = person.post("/v1/auth/2fa/enable-init", &json!({})).await.ok().json();
                json!({ "code": story.code(&text(&begun["secret"]), 0) })
            }
            "DisableSecond" => json!({ "code": story.code(&story.second_factor(&person).await.0, 1) }),
            "ReauthVerify" if n.is_multiple_of(2) => json!({ "password": PASSWORD }),
            "ReauthVerify" => {
                let passkey = self.added_passkey(story, &person).await;
                json!({ "passkey": self.shown(&person, &passkey).await })
            }
            "SetPhone" => json!({ "phone": number(story) }),
            "ConfirmPhone" => {
                let phone = number(story);
                person.post("/v1/auth/phone", &json!({ "phone": phone })).await.ok();
                let sent = story.letters_to(&phone).await.pop().unwrap().text;
                json!({ "code": sent.split('#').nth(1) })
            }
            "AddPasskey" => {
                let (ceremony, credential) = self.made_passkey(&person, &mut Authenticator::new(story)).await;
                json!({ "ceremony": ceremony, "name": format!("Phone {n}"), "credential": credential })
            }
            "PasskeyLogin" => {
                let passkey = self.added_passkey(story, &person).await;
                let stranger = self.node.stranger();
                let shown = self.shown(&stranger, &passkey).await;
                return (stranger, with(shown, "session", json!("cookie")));
            }
            _ => panic!("{name} changes nobody's own account"),
        };
        (person, body)
    }

    /// What a registered device sends, with a challenge that it was given for this.
    async fn at_the_till(&self, story: &Story, name: &str) -> (Person, Value) {
        let browser = self.till.browser.clone();
        let login = async || {
            let body = with(self.till.shows("login").await, "accountId", json!(self.seller.account.unwrap()));
            with(body, "pin", json!(PIN))
        };
        match name {
            "RegisterDevice" => (self.node.stranger(), registration(&routes::device_code(story).await, &SigningKey::generate().unwrap())),
            "AskChallenge" => (browser, json!({ "deviceId": self.till.id })),
            "SeePeople" => (browser, self.till.shows("people").await),
            "DeviceLogin" => {
                self.forgive(story).await;
                (browser, login().await)
            }
            "ProveDevice" => {
                self.forgive(story).await;
                let signed_in = browser.post("/v1/auth/device/login", &login().await).await.ok().json();
                browser.keep_csrf(&text(&signed_in["csrfToken"]));
                (browser, self.till.shows("prove").await)
            }
            _ => panic!("{name} is sent by no device"),
        }
    }

    /// Somebody whose address is confirmed, who has a password and works nowhere; signed in.
    async fn somebody(&self, story: &Story) -> Person {
        let mut person = self.node.stranger();
        person.email = address(story);
        let account = identity::account_for(&story.db, &person.email).await.unwrap();
        let mut system = story.db.system("story.confirm").await.unwrap();
        let sql = "UPDATE identity.account SET verified_at = created_at, password_hash = $2 WHERE id = $1";
        sqlx::query(sql).bind(account.uuid()).bind(&self.hash).execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
        let (cookie, csrf) = identity::session_for(&story.db, account, None).await.unwrap();
        person.account = Some(account);
        person.keep_cookie(COOKIE, &cookie);
        person.keep_csrf(&csrf);
        person
    }

    /// The second step of a sign-in whose first was right.
    async fn second_step(&self, story: &Story, name: &str) -> (Person, Value) {
        let (person, stranger) = (self.somebody(story).await, self.node.stranger());
        let (secret, codes) = story.second_factor(&person).await;
        let first = stranger.post("/v1/auth/login", &json!({ "email": person.email, "password": PASSWORD })).await.ok().json();
        let body = json!({ "mfaToken": first["mfaToken"], "session": "cookie" });
        let (field, shown) =
            if name == "VerifySecond" { ("code", story.code(&secret, 1)) } else { ("recoveryCode", codes.into_iter().next().unwrap()) };
        (stranger, with(body, field, json!(shown)))
    }

    /// A ceremony that waits for its end, and what an authenticator made for it.
    async fn made_passkey(&self, person: &Person, passkey: &mut Authenticator) -> (Value, Value) {
        let begun = person.post("/v1/auth/passkeys/register/begin", &json!({})).await.ok().json();
        let made = passkey.make(&begun["publicKey"]);
        (begun["ceremony"].clone(), made)
    }

    async fn added_passkey(&self, story: &Story, person: &Person) -> Authenticator {
        let mut passkey = Authenticator::new(story);
        let (ceremony, credential) = self.made_passkey(person, &mut passkey).await;
        let body = json!({ "ceremony": ceremony, "name": "Phone", "credential": credential });
        person.post("/v1/auth/passkeys/register/finish", &body).await.ok();
        passkey
    }

    /// A ceremony that waits for its end, and the passkey shown for it.
    async fn shown(&self, person: &Person, passkey: &Authenticator) -> Value {
        let begun = person.post("/v1/auth/passkeys/login/begin", &json!({})).await.ok().json();
        json!({ "ceremony": begun["ceremony"], "credential": passkey.show(&begun["publicKey"]) })
    }

    /// Forgets wrong guesses: a PIN at random shuts its owner out, and the next body would meet the lock instead of the command.
    async fn forgive(&self, story: &Story) {
        let mut system = story.db.system("story.forgive").await.unwrap();
        sqlx::query("DELETE FROM identity.guess").execute(system.conn()).await.unwrap();
        system.commit().await.unwrap();
    }
}

impl Till {
    /// What it shows for a purpose.
    async fn shows(&self, purpose: &str) -> Value {
        let asked = self.browser.post("/v1/auth/device/challenge", &json!({ "deviceId": self.id })).await.ok().json();
        let challenge = text(&asked["challenge"]);
        let signature = sign(&self.key, &format!("hearth device {purpose} {} {challenge}", self.id));
        json!({ "deviceId": self.id, "challenge": challenge, "signature": signature })
    }
}

async fn till(story: &Story, node: &Node) -> Till {
    let (key, browser) = (SigningKey::generate().unwrap(), node.stranger());
    let body = registration(&routes::device_code(story).await, &key);
    let registered = browser.post("/v1/devices/register", &body).await.ok().json();
    Till { id: text(&registered["deviceId"]), key, browser }
}

fn sign(key: &SigningKey, said: &str) -> String {
    URL_SAFE_NO_PAD.encode(key.sign(said.as_bytes()).unwrap())
}

fn registration(code: &str, key: &SigningKey) -> Value {
    let (x, y) = key.public().coordinates();
    json!({ "code": code, "publicKey": { "kty": "EC", "crv": "P-256", "x": x, "y": y }, "signature": sign(key, &format!("hearth device register {code}")) })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

/// An address that nobody has yet.
fn address(story: &Story) -> String {
    format!("ada.{}@example.com", story.clock.uuid())
}

/// A telephone that nobody has yet.
fn number(story: &Story) -> String {
    format!("+44{}", story.clock.uuid().as_u128() % 9_000_000_000 + 1_000_000_000)
}
