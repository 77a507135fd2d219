//! The program under test in a process of its own, on a database of its own, and the businesses in it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use db::Db;
use identity::OpenBusiness;
use kernel::{Op, Source, TenantId};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;
use web::App;

use crate::Result;
use crate::client::{Client, Session};

/// How long the program may take to come up before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, served from the release binary; this process looks into its database beside it.
pub struct World {
    /// Where it serves.
    pub address: SocketAddr,
    /// The release binary.
    pub program: PathBuf,
    /// The program's own way to the database, for what is called without HTTP.
    pub app: App,
    socket: PathBuf,
    server: Option<Child>,
    dir: TempDir,
}

/// One business, its owner signed in.
pub struct Business {
    /// Its id.
    pub tenant: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its first site.
    pub site: Uuid,
    /// The location that it sells from.
    pub location: Uuid,
    /// The tax at the standard rate, and its category.
    pub tax: Uuid,
    tax_category: Uuid,
    /// Its owner's account.
    pub owner: Uuid,
    /// Its owner's session.
    pub session: Session,
}

impl World {
    /// Starts the program on an empty directory.
    pub async fn begin() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hearth-bench").tempdir()?;
        // PostgreSQL's own user must be able to pass through when root runs this.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
        let program = std::env::current_exe()?.with_file_name("hearth");
        if !program.exists() {
            return Err(format!("{} is missing: cargo build --release -p hearth", program.display()).into());
        }
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (server, _) = serve(&program, dir.path(), address).await?;
        let socket = postgres::running(&data(dir.path())).ok_or("the program runs, but not its PostgreSQL")?.socket_dir;
        let app = app(&socket, address, &data(dir.path()))?;
        Ok(Self { address, program, app, socket, server: Some(server), dir })
    }

    /// Ends the program, as SIGTERM does.
    pub async fn stop(&mut self) -> Result<()> {
        self.app.db().close().await;
        if let Some(mut server) = self.server.take() {
            end(&mut server)?;
        }
        Ok(())
    }

    /// Starts the program again on the same directory; the time until it was ready.
    pub async fn serve_again(&mut self) -> Result<Duration> {
        let (server, took) = serve(&self.program, self.dir.path(), self.address).await?;
        self.server = Some(server);
        self.socket = postgres::running(&self.data_dir()).ok_or("the program runs, but not its PostgreSQL")?.socket_dir;
        self.app = app(&self.socket, self.address, &self.data_dir())?;
        Ok(took)
    }

    /// Ends everything.
    pub async fn end(mut self) {
        let _ = self.stop().await;
    }

    /// The program's data directory.
    pub fn data_dir(&self) -> PathBuf {
        data(self.dir.path())
    }

    /// A directory for what the bench itself writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The directory of the database's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The database.
    pub fn db(&self) -> &Db {
        self.app.db()
    }

    /// A connection as a role.
    pub async fn role(&self, role: &str) -> Result<PgConnection> {
        Ok(options(&self.socket, role).options(db::PLANNING).connect().await?)
    }

    /// Runs SQL as the superuser.
    pub async fn sql(&self, sql: impl Into<String>) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&mut self.role(postgres::SUPERUSER).await?).await?;
        Ok(())
    }

    /// How many entries of the log wait for their number.
    pub async fn waiting(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM db.log_inbox").fetch_one(&mut self.role(postgres::SUPERUSER).await?).await?)
    }

    /// Resident memory of the program, in bytes.
    pub fn resident(&self) -> Result<u64> {
        let pid = self.server.as_ref().ok_or("the program does not run")?.id();
        status(&format!("/proc/{pid}/status"), "VmRSS:")
    }

    /// Opens a business through the program, its owner signed in.
    pub async fn open_business(&self, slug: &str) -> Result<Business> {
        self.open_business_in(slug, "Europe/London").await
    }

    /// Opens a business in a zone.
    pub async fn open_business_in(&self, slug: &str, zone: &str) -> Result<Business> {
        let owner = identity::account_for(self.db(), &format!("{slug}@example.com")).await?;
        let new = OpenBusiness {
            name: slug.to_owned(),
            slug: slug.to_owned(),
            currency: "GBP".into(),
            time_zone: zone.to_owned(),
            site_name: None,
            day_start: None,
            owner_name: None,
        };
        let tenant = identity::open_business(&self.app, owner, &new).await?;
        let (cookie, csrf) = identity::session_for(self.db(), owner, Some(tenant)).await?;
        let session = Session { cookie: format!("__Host-hearth={cookie}"), csrf };
        let mut superuser = self.role(postgres::SUPERUSER).await?;
        let (site, location) = sqlx::query_as("SELECT site_id, id FROM stock.location WHERE tenant_id = $1 AND sells")
            .bind(tenant.uuid())
            .fetch_one(&mut superuser)
            .await?;
        let (tax, tax_category) = sqlx::query_as("SELECT id, category_id FROM catalog.tax WHERE tenant_id = $1")
            .bind(tenant.uuid())
            .fetch_one(&mut superuser)
            .await?;
        Ok(Business { tenant, slug: slug.to_owned(), site, location, tax, tax_category, owner: owner.uuid(), session })
    }

    /// A connection of a business's owner.
    pub async fn client(&self, business: &Business) -> Result<Client> {
        Client::connect(self.address, Some(&business.session)).await
    }

    /// An op of the bench in a business.
    pub fn op(&self, business: &Business) -> Op {
        Op::program(self.db().source(), "bench", Some(business.tenant))
    }

    /// What `hearth check` finds in a business, by the binary; the number of findings and the time.
    pub async fn check(&self, business: &Business) -> Result<(usize, Duration)> {
        let begun = Instant::now();
        let (program, data) = (self.program.clone(), self.data_dir());
        let slug = business.slug.clone();
        let output = tokio::task::spawn_blocking(move || {
            clean(&program).args(["check", "--json", "--tenant", &slug, "--data-dir"]).arg(data).stderr(Stdio::inherit()).output()
        });
        let said: Value = serde_json::from_slice(&output.await??.stdout)?;
        let findings = said["findings"].as_array().ok_or("hearth check said nothing")?;
        if let Some(first) = findings.first() {
            eprintln!("  hearth check: {first}");
        }
        Ok((findings.len(), begun.elapsed()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = end(&mut server);
        }
    }
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data")
}

fn options(socket: &Path, role: &str) -> PgConnectOptions {
    hearth::open::as_role(socket, role)
}

fn app(socket: &Path, address: SocketAddr, data: &Path) -> Result<App> {
    // The program's own keys: both are nodes of one installation.
    let vault = Arc::new(vault::Keyring::from_file(&data.join("encryption.keys"))?);
    let config = db::Config { app: options(socket, "hearth_app"), system: options(socket, "hearth_system"), connections: 4, vault };
    let settings = web::Settings { public_url: format!("http://{address}"), ..web::Settings::default() };
    Ok(App::new(Db::open(&config, Source::real()), hearth::slices(), settings))
}

/// The program without the settings of whoever runs the bench.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARTH_")) {
        command.env_remove(name);
    }
    // One client asks far more often than a person or a till may.
    command.env("HEARTH_LIMIT_FACTOR", "1000000");
    command.env("HEARTH_LOG", "error").current_dir("/").stdin(Stdio::null());
    command
}

/// Starts `hearth serve` and waits until it is ready; the time until then.
async fn serve(program: &Path, dir: &Path, address: SocketAddr) -> Result<(Child, Duration)> {
    let mut command = clean(program);
    command.arg("serve").arg("--data-dir").arg(data(dir)).env("HEARTH_LISTEN", address.to_string());
    command.stdout(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    while begun.elapsed() < PATIENCE {
        if ready(address).await {
            return Ok((child, begun.elapsed()));
        }
        if let Some(status) = child.try_wait()? {
            return Err(format!("hearth serve ended: {status}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = child.kill();
    Err("hearth serve does not become ready".into())
}

async fn ready(address: SocketAddr) -> bool {
    let asked = async { Client::connect(address, None).await?.get("/readyz").await };
    asked.await.is_ok_and(|answer| answer.status == 200)
}

fn end(server: &mut Child) -> Result<()> {
    if let Some(pid) = i32::try_from(server.id()).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM)?;
    }
    server.wait()?;
    Ok(())
}

/// A line of a process's status, in bytes.
pub fn status(file: &str, key: &str) -> Result<u64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)).ok_or_else(|| format!("{file} has no {key}"))?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1024)
}

/// The id of the bench's item of a number: a pgbench script can work it out.
pub fn item_id(n: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n as u128)
}

/// The price of an item with its tax, in pence.
pub const PRICE: i64 = 120;
/// What one costs.
pub const COST: i64 = 50;

/// Makes items of some numbers through the API: taxed at the standard rate, at one price; `stocked` and there, or made when sold.
pub async fn make_items(world: &World, business: &Business, numbers: RangeInclusive<usize>, stocked: bool) -> Result<()> {
    let mut client = world.client(business).await?;
    let pence = |minor: i64| json!({ "minor": minor, "currency": "GBP" });
    for n in numbers.clone() {
        let mut item = json!({
            "id": item_id(n), "name": format!("Item {n:03}"), "kind": "product", "baseUnit": "pc", "category": format!("Kind {}", n % 10),
            "stockRule": if stocked { "stocked" } else { "made_to_order" }, "price": pence(PRICE),
            "taxCategoryId": business.tax_category,
        });
        if !stocked {
            item["standardCost"] = json!({ "amount": pence(COST) });
        }
        client.post("/v1/items", &item.to_string()).await?.ok("POST /v1/items")?;
    }
    if stocked {
        receive(&mut client, numbers).await?;
    }
    Ok(())
}

/// Ten million of each, so that no run sells out.
async fn receive(client: &mut Client, numbers: RangeInclusive<usize>) -> Result<()> {
    const EACH: i64 = 10_000_000;
    let amount = json!({ "minor": EACH * COST, "currency": "GBP" });
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(100) {
        let lines: Vec<Value> =
            some.iter().map(|n| json!({ "itemId": item_id(*n), "quantity": EACH.to_string(), "amount": amount })).collect();
        let receipt = json!({ "kind": "opening", "lines": lines });
        client.post("/v1/receipts", &receipt.to_string()).await?.ok("POST /v1/receipts")?;
    }
    Ok(())
}
