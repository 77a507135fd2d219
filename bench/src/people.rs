//! Accounts: signing in against the bare hash, what a request's sign-in costs, revoking many, listing many, and whether times
//! tell which addresses are known.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use kernel::{Op, Permission};
use serde_json::{Value, json};

use crate::Result;
use crate::client::{Client, Session};
use crate::table::{Table, mib, ms, percentile};
use crate::world::World;

const PEOPLE: &str = include_str!("../sql/people.sql");
const PASSWORD: &str = "xylophone marmalade quietly vanishes";
/// Of the promise: 300 businesses of 1,000.
const BUSINESSES: usize = 300;
const MEMBERS: usize = 1000;
/// Sign-ins that are timed.
const SIGN_INS: usize = 60;
/// Sign-ins at once.
const CROWD: usize = 500;
/// One hash takes so much memory.
const HASH: u64 = 64 * 1024 * 1024;

/// Everything about accounts.
pub async fn measure(world: &World, table: &mut Table) -> Result<()> {
    make_people(world).await?;
    lists(world, table).await?;
    rates(world, table).await?;
    crowd(world, table).await?;
    tokens(world, table).await?;
    revoking(world, table).await?;
    letters(world, table).await?;
    telling(world, table).await
}

/// Argon2id as the program asks for it, in a buffer that is used again.
struct Bare {
    argon2: Argon2<'static>,
    buffer: Vec<Block>,
}

impl Bare {
    fn new() -> Result<Self> {
        let params = Params::new(64 * 1024, 3, 2, Some(32)).map_err(|e| e.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let buffer = vec![Block::new(); argon2.params().block_count()];
        Ok(Self { argon2, buffer })
    }

    fn tag(&mut self, salt: &[u8]) -> Result<Vec<u8>> {
        let mut tag = vec![0; 32];
        self.argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), salt, &mut tag, &mut self.buffer).map_err(|e| e.to_string())?;
        Ok(tag)
    }
}

async fn make_people(world: &World) -> Result<()> {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    let begun = Instant::now();
    let salt = [7; 16];
    let tag = Bare::new()?.tag(&salt)?;
    let hash = format!("$argon2id$v=19$m=65536,t=3,p=2${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(tag));
    let values = [("businesses", BUSINESSES.to_string()), ("members", MEMBERS.to_string()), ("hash", hash)];
    let sql = values.iter().fold(PEOPLE.to_owned(), |sql, (name, value)| sql.replace(&format!("{{{name}}}"), value));
    world.sql(sql).await?;
    eprintln!("  {} people after {:.0} s", BUSINESSES * MEMBERS, begun.elapsed().as_secs_f64());
    Ok(())
}

fn person(n: usize) -> String {
    format!("person-{n}@bench.example")
}

fn login(n: usize) -> String {
    json!({ "email": person(n), "password": PASSWORD, "session": "cookie" }).to_string()
}

/// Somebody who administers the installation.
async fn admin(world: &World) -> Result<Client> {
    let op = Op::program(world.db().source(), "bench", None);
    let account = identity::make_admin(world.db(), &op, "admin@bench.example").await?;
    let (cookie, csrf) = identity::session_for(world.db(), account, None).await?;
    // An operator has a second factor, and gave it in this session.
    world
        .sql(format!(
            "UPDATE identity.account SET totp_sealed = '\\x00', totp_since = now() WHERE id = '{account}';
            UPDATE identity.session SET second = true WHERE account_id = '{account}'"
        ))
        .await?;
    Client::connect(world.address, Some(&Session { cookie: format!("__Host-hearth={cookie}"), csrf })).await
}

async fn lists(world: &World, table: &mut Table) -> Result<()> {
    let mut admin = admin(world).await?;
    for (what, query, most) in [
        ("first page", "", 20),
        ("by address", "?email=person-77", 40),
        ("locked ones", "?locked=true", 40),
        ("with a second factor", "?twoFactor=true", 40),
        ("operators", "?role=ADMIN", 40),
        ("of one business", "?tenant=0190aaaa-0000-7000-8000-00000000004d", 40),
        ("newest", "?sort=-since", 40),
        ("newest of one business", "?sort=-since&tenant=0190aaaa-0000-7000-8000-00000000004d", 40),
        ("of one business by address", "?email=person-77&tenant=0190aaaa-0000-7000-8000-00000000004d", 40),
        ("without a second factor, not locked", "?twoFactor=false&locked=false", 40),
        ("of one day a while ago", "?from=ago-3&to=ago-2", 40),
    ] {
        let mut times = Vec::new();
        let ago = |days: i64| world.db().source().now().plus_seconds(-days * 24 * 3600).to_string();
        let query = query.replace("ago-3", &ago(3)).replace("ago-2", &ago(2));
        for n in 0..60 {
            let answer = admin.get(&format!("/v1/admin/users{query}")).await?.ok("GET /v1/admin/users")?;
            if n >= 10 {
                times.push(answer.took);
            }
        }
        let slow = percentile(&mut times, 95);
        table.add(
            format!("people: list of {} accounts, {what}, p95", BUSINESSES * MEMBERS),
            ms(slow),
            format!("< {most} ms"),
            slow < Duration::from_millis(most),
        );
    }
    Ok(())
}

/// Sign-ins a second against what the permitted threads do of the bare hash.
async fn rates(world: &World, table: &mut Table) -> Result<()> {
    let threads = (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1);
    let begun = Instant::now();
    let bare: Vec<_> = (0..threads)
        .map(|_| {
            std::thread::spawn(move || -> std::result::Result<(), String> {
                let mut bare = Bare::new().map_err(|e| e.to_string())?;
                for n in 0..SIGN_INS / threads {
                    bare.tag(&[u8::try_from(n % 256).unwrap_or(0); 16]).map_err(|e| e.to_string())?;
                }
                Ok(())
            })
        })
        .collect();
    for thread in bare {
        thread.join().map_err(|_| "a hashing thread failed")??;
    }
    let bare = begun.elapsed();
    let begun = Instant::now();
    let workers = (0..threads * 2).map(|worker| async move {
        let mut client = Client::connect(world.address, None).await?;
        for n in 0..SIGN_INS / (threads * 2) {
            client.post("/v1/auth/login", &login(1000 + worker * SIGN_INS + n)).await?.ok("POST /v1/auth/login")?;
        }
        Result::Ok(())
    });
    futures::future::try_join_all(workers).await?;
    let ratio = bare.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    let rate = SIGN_INS as f64 / begun.elapsed().as_secs_f64();
    table.add("people: sign-ins against the bare hash", format!("{ratio:.0} % ({rate:.1}/s)"), "≥ 90 %", ratio >= 90.0);
    Ok(())
}

/// Many sign-ins at once: memory stays bounded, who waits too long is told when to come again, and others are served.
async fn crowd(world: &World, table: &mut Table) -> Result<()> {
    let threads = u64::try_from((std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1))?;
    let business = world.open_business("bench-crowd").await?;
    let mut other = world.client(&business).await?;
    let before = world.resident()?;
    let signing_in = tokio::spawn({
        let address = world.address;
        async move {
            let all = (0..CROWD).map(|n| async move {
                let mut client = Client::connect(address, None).await?;
                Result::Ok(client.post("/v1/auth/login", &login(5000 + n)).await?.status)
            });
            futures::future::join_all(all).await
        }
    });
    let (mut times, mut most) = (Vec::new(), 0);
    while !signing_in.is_finished() {
        let asked = Instant::now();
        other.get("/v1/items").await?.ok("GET /v1/items")?;
        times.push(asked.elapsed());
        most = most.max(world.resident()?);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let statuses: Vec<u16> = signing_in.await?.into_iter().collect::<Result<_>>()?;
    let (done, later) = (statuses.iter().filter(|s| **s == 200).count(), statuses.iter().filter(|s| **s == 503).count());
    let grown = most.saturating_sub(before);
    let bound = threads * HASH + 64 * 1024 * 1024;
    table.add(format!("people: memory for {CROWD} sign-ins at once grows by"), mib(grown), format!("< {}", mib(bound)), grown < bound);
    table.add(
        format!("people: of {CROWD} at once, signed in or told to come again"),
        format!("{done} and {later}"),
        CROWD.to_string(),
        done + later == CROWD,
    );
    let slow = percentile(&mut times, 95);
    table.add("people: p95 of other requests meanwhile", ms(slow), "< 50 ms", slow < Duration::from_millis(50));
    Ok(())
}

/// What a token costs a request, in one process and without a socket: against a route that is open to anybody.
async fn tokens(world: &World, table: &mut Table) -> Result<()> {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;
    let mut client = Client::connect(world.address, None).await?;
    let wanted = |n: usize| json!({ "email": person(n), "password": PASSWORD }).to_string();
    // Of each account one token that will be seen and one that will not.
    let mut pairs: Vec<[String; 2]> = Vec::new();
    for n in 0..40 {
        let first: Value = client.post("/v1/auth/login", &wanted(20_000 + n)).await?.ok("POST /v1/auth/login")?.json()?;
        let next = json!({ "refreshToken": first["refreshToken"] }).to_string();
        let next: Value = client.post("/v1/auth/refresh", &next).await?.ok("POST /v1/auth/refresh")?.json()?;
        pairs.push([&first, &next].map(|pair| pair["accessToken"].as_str().unwrap_or_default().to_owned()));
    }
    let router = world.app.router();
    let open = world.app.routes().iter().find(|r| r.path == "/v1/openapi.json").map(|r| r.needs) == Some(Permission::Open);
    if !open {
        return Err("no open route to compare with".into());
    }
    let ask = async |path: &str, token: Option<&str>| -> Result<Duration> {
        let request = Request::get(path).header("host", "bench");
        let request = token.iter().fold(request, |request, token| request.header("authorization", format!("Bearer {token}")));
        let request = request.body(Body::empty())?;
        let begun = Instant::now();
        let answer = router.clone().oneshot(request).await?;
        let took = begun.elapsed();
        if answer.status().is_server_error() {
            return Err(format!("{path}: {}", answer.status()).into());
        }
        Ok(took)
    };
    let (mut bare, mut seen, mut fresh, mut first) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let known = &pairs[0][0];
    ask("/version", Some(known)).await?;
    for n in 0..4000 {
        bare.push(ask("/version", None).await?);
        seen.push(ask("/version", Some(known)).await?);
        if n % 100 == 99 {
            // The first token of an account on this node reads what the account may do; the next one is only verified.
            let [before, next] = &pairs[n / 100];
            first.push(ask("/version", Some(before)).await?);
            fresh.push(ask("/version", Some(next)).await?);
        }
    }
    let of = |times: &mut Vec<Duration>| percentile(times, 50).as_secs_f64() * 1e6;
    let (bare, seen, fresh, first) = (of(&mut bare), of(&mut seen), of(&mut fresh), of(&mut first));
    eprintln!("  the first request of an account on a node costs {:.0} µs more: its standing is read", first - fresh);
    table.add("people: a token that was seen before costs a request", format!("{:.1} µs", seen - bare), "< 20 µs", seen - bare < 20.0);
    table.add("people: a token that was never seen costs a request", format!("{:.1} µs", fresh - bare), "< 150 µs", fresh - bare < 150.0);
    Ok(())
}

/// 10,000 sessions ended at once are refused here within a second, on the program and on a second node.
async fn revoking(world: &World, table: &mut Table) -> Result<()> {
    const MANY: usize = 10_000;
    let mut client = Client::connect(world.address, None).await?;
    let pair =
        client.post("/v1/auth/login", &json!({ "email": person(30_000), "password": PASSWORD }).to_string()).await?.ok("login")?.json()?;
    let token = pair["accessToken"].as_str().unwrap_or_default().to_owned();
    let account = pair["account"].as_str().unwrap_or_default().to_owned();
    world
        .sql(format!(
            "SET session_replication_role = replica;
            INSERT INTO identity.session (token_hash, id, account_id, created_at, seen_at, kind, proved_at)
            SELECT sha256(convert_to('bench' || n, 'UTF8')), gen_random_uuid(), '{account}', now(), now(), 'tokens', now() FROM generate_series(1, {MANY}) n"
        ))
        .await?;
    let mut bearer = Client::bearing(world.address, &token).await?;
    bearer.get("/v1/auth/me").await?.ok("GET /v1/auth/me")?;
    let op = Op::program(world.db().source(), "bench", None);
    let act = identity::Act::Lock { even_last_owner: true };
    let begun = Instant::now();
    identity::act(&world.app, &op, account.parse()?, act, "bench").await?;
    let ended = Instant::now();
    while bearer.get("/v1/auth/me").await?.status != 401 {
        if ended.elapsed() > Duration::from_secs(10) {
            return Err("a revoked token goes on".into());
        }
    }
    let felt = ended.elapsed();
    table.add(
        format!("people: {MANY} sessions ended at once are refused on another node after"),
        format!("{} (ending them took {})", ms(felt), ms(ended - begun)),
        "< 1000 ms",
        felt < Duration::from_secs(1),
    );
    Ok(())
}

/// 100,000 letters that wait delay no sign-in.
async fn letters(world: &World, table: &mut Table) -> Result<()> {
    let mut times = [Vec::new(), Vec::new()];
    for (round, times) in times.iter_mut().enumerate() {
        if round == 1 {
            world
                .sql(
                    "SET session_replication_role = replica;
                    INSERT INTO post.letter (tenant_id, id, kind, recipient, body, state, run_at, created_at)
                    SELECT '00000000-0000-7000-8000-000000000001', gen_random_uuid(), 'test', 'nobody@bench.example', '\\x00', 'queued', now() + interval '1 hour', now()
                    FROM generate_series(1, 100000)"
                        .to_owned(),
                )
                .await?;
        }
        let mut client = Client::connect(world.address, None).await?;
        for n in 0..30 {
            let begun = Instant::now();
            client.post("/v1/auth/login", &login(40_000 + round * 100 + n)).await?.ok("POST /v1/auth/login")?;
            times.push(begun.elapsed());
        }
    }
    let [mut without, mut with] = times;
    let ratio = percentile(&mut with, 50).as_secs_f64() / percentile(&mut without, 50).as_secs_f64();
    table.add("people: a sign-in while 100,000 letters wait, against without", format!("{ratio:.2} ×"), "≤ 1.2 ×", ratio <= 1.2);
    Ok(())
}

/// How well a classifier by time alone tells known addresses from unknown ones: 0.5 is a guess.
async fn telling(world: &World, table: &mut Table) -> Result<()> {
    const ASKED: usize = 500;
    for (path, hashes) in [
        ("/v1/auth/forgot-password", false),
        ("/v1/auth/resend-verification", false),
        ("/v1/auth/login", true),
        ("/v1/auth/register", true),
    ] {
        let mut client = Client::connect(world.address, None).await?;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for n in 0..ASKED {
            let base = 100_000 + n + if hashes { 1000 } else { 0 } + path.len() * 2000;
            let emails = [person(base), format!("nobody-{}-{n}@bench.example", path.len())];
            // Interleaved, and in turn first.
            for which in if n % 2 == 0 { [0, 1] } else { [1, 0] } {
                let body = match path {
                    "/v1/auth/login" => json!({ "email": emails[which], "password": "not the password of anybody" }),
                    "/v1/auth/register" => json!({ "email": emails[which], "password": PASSWORD }),
                    _ => json!({ "email": emails[which] }),
                };
                let begun = Instant::now();
                let answer = client.post(path, &body.to_string()).await?;
                if answer.status >= 500 || answer.status == 429 {
                    return Err(format!("{path}: {}", answer.status).into());
                }
                if which == 0 { known.push(begun.elapsed()) } else { unknown.push(begun.elapsed()) }
            }
        }
        let auc = area(&known, &unknown);
        let apart = auc.max(1.0 - auc);
        table.add(format!("people: times of {path} tell known addresses, AUC"), format!("{apart:.3}"), "≤ 0.55", apart <= 0.55);
    }
    Ok(())
}

/// The area under the curve of a classifier by time: how often a known one takes longer than an unknown one.
fn area(known: &[Duration], unknown: &[Duration]) -> f64 {
    let wins: f64 = known
        .iter()
        .map(|k| {
            unknown
                .iter()
                .map(|u| {
                    if k > u {
                        1.0
                    } else if k == u {
                        0.5
                    } else {
                        0.0
                    }
                })
                .sum::<f64>()
        })
        .sum();
    wins / (known.len() * unknown.len()) as f64
}
