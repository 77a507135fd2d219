//! `hearth demo`: a bakery with a real past, served on this machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use db::Command;
use identity::OpenBusiness;
use kernel::{Op, Result, Source, TenantId};
use rustix::process::geteuid;
use sales::import::{ImportAsk, Options};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use web::App;

use crate::config::{Config, Database};
use crate::open::{self, Purpose};
use crate::{Trouble, migrations, serve};

/// The till of an Edinburgh bakery, half a year of it; its source is named in `app/demo/README.md`.
const PAST: &[u8] = include_bytes!("../demo/BreadBasket_DMS.csv.gz");
/// What its items may have cost; ours.
const PRICES: &[u8] = include_bytes!("../demo/prices.csv");
/// Lies in a data directory that is the demo's: only such a one is ever deleted.
const MARK: &str = "hearth-demo";
/// Holds how to sign in; written when the demo is whole.
const SIGN_IN: &str = "sign-in.txt";
/// Who signs in.
const OWNER: &str = "demo@hearth.example";
/// Cost of what the bakery makes, in percent of its price.
const COST_PERCENT: i32 = 35;

/// Serves the demo; makes it when it is not there, or anew when asked.
pub async fn demo(mut config: Config, fresh: bool) -> std::result::Result<(), Trouble> {
    config.data_dir = config.demo_dir();
    config.database = Database::Embedded;
    // First, so that a port that is taken costs no start of a database.
    let listener = serve::listen(config.listen).await?;
    let sign_in = config.data_dir.join(SIGN_IN);
    if fresh || !sign_in.exists() {
        clear(&config.data_dir)?;
        // Before anything is made there: what a killed start leaves behind is known as the demo's.
        mark(&config.data_dir)?;
    }
    let opened = open::open(&config, Source::real(), &migrations(), Purpose::Serve).await?.0;
    serve::make_spool(&config)?;
    let app = serve::app(opened.db.clone(), &config);
    let made_now = !sign_in.exists();
    if made_now {
        println!("Loading half a year of a bakery's sales …");
        match make(&app).await {
            Ok(password) => write_secret(&sign_in, &format!("{OWNER}\n{password}\n"))?,
            Err(error) => {
                opened.close().await;
                return Err(error.into());
            }
        }
    }
    let told = fs::read_to_string(&sign_in)?;
    let mut lines = told.lines();
    println!("Hearth serves the demo bakery on {}", config.public_url);
    println!("  sign in as  {}", lines.next().unwrap_or_default());
    let unless = if made_now { "" } else { "  (unless it was changed since)" };
    println!("  password    {}{unless}", lines.next().unwrap_or_default());
    println!("  data        {}", config.data_dir.display());
    for note in config.notes() {
        println!("  {note}");
    }
    println!("Ctrl-C ends it; the data stays. `hearth demo --fresh` starts over.");
    serve::run(app, opened, listener, &config).await
}

/// Deletes a demo's data. A directory that is not marked as a demo's and is not empty is left alone.
fn clear(dir: &Path) -> std::result::Result<(), Trouble> {
    if !dir.exists() {
        return Ok(());
    }
    let empty = fs::read_dir(dir)?.next().is_none();
    if !empty && !dir.join(MARK).exists() {
        return Err(Trouble::new(
            format!("{} holds something that is not the demo's", dir.display()),
            "Give the demo a directory of its own: hearth demo --data-dir DIR.",
        ));
    }
    match postgres::remove(dir) {
        Err(postgres::Error::AlreadyRunning { pid }) => {
            return Err(Trouble::new(format!("the demo is running as process {pid}"), "End it first."));
        }
        removed => removed?,
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == MARK) {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    Ok(())
}

fn mark(dir: &Path) -> std::result::Result<(), Trouble> {
    // Root's may be passed through: the database's user must reach its own directory below.
    let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(dir)?;
    Ok(fs::write(dir.join(MARK), "This directory is Hearth's demo; `hearth demo --fresh` deletes what is in it.\n")?)
}

fn write_secret(path: &PathBuf, text: &str) -> std::result::Result<(), Trouble> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Opens the bakery, loads its past, fills its store room; gives the owner's password.
async fn make(app: &App) -> Result<String> {
    let source = app.db().source().clone();
    let password = password(&source);
    let owner = identity::account_for(app.db(), OWNER).await?;
    identity::set_password(app.db(), owner, &password).await?;
    let new = OpenBusiness {
        name: "The Bread Basket".into(),
        slug: "bread-basket".into(),
        currency: "GBP".into(),
        time_zone: "Europe/London".into(),
        site_name: Some("Edinburgh".into()),
        day_start: Some("04:00".into()),
        owner_name: Some("Mairi".into()),
    };
    let tenant = identity::open_business(app, owner, &new).await?;
    past(app, tenant).await?;
    store_room(app, tenant).await?;
    accounts(app, tenant).await?;
    app.jobs().seal_all().await?;
    Ok(password)
}

/// Five groups of five letters and digits that nobody mixes up: over 120 bits.
fn password(source: &Source) -> String {
    const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
    let text: String = source.bytes::<25>().iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    [&text[..5], &text[5..10], &text[10..15], &text[15..20], &text[20..]].join("-")
}

fn op(app: &App, tenant: TenantId) -> Op {
    Op::program(app.db().source(), "demo", Some(tenant))
}

async fn past(app: &App, tenant: TenantId) -> Result<()> {
    let ask = ImportAsk {
        files: vec![tables::Source::bytes("BreadBasket_DMS.csv.gz", PAST), tables::Source::bytes("prices.csv", PRICES)],
        options: Options { cost_percent: COST_PERCENT, source: Some("The till".into()), ..Options::default() },
        ..ImportAsk::default()
    };
    let report = sales::import::run(app.db(), op(app, tenant), ask, &|_| {}).await?;
    println!(
        "  {} orders, {} lines, {}; {} lines that name no item are left out",
        report.documents, report.accepted, report.total, report.left_out
    );
    Ok(())
}

/// Runs a command as if it had come by the API.
async fn run<C: Command + DeserializeOwned>(app: &App, tenant: TenantId, body: Value) -> Result<Value> {
    let command: C = serde_json::from_value(body).map_err(|error| kernel::Error::Internal(error.to_string()))?;
    Ok(app.db().run(op(app, tenant), None, command).await?.body)
}

/// A mill and a dairy, their prices, what they delivered, and jam that is sold by the jar.
async fn store_room(app: &App, tenant: TenantId) -> Result<()> {
    let pounds = |minor: i64| json!({ "minor": minor, "currency": "GBP" });
    let ingredient = |name: &str, unit: &str, size: i64| json!({ "name": name, "kind": "ingredient", "category": "Baking", "baseUnit": "g", "units": [{ "code": unit, "numerator": size }] });
    let flour = run::<catalog::CreateItem>(app, tenant, ingredient("Strong white flour", "bag", 25_000)).await?;
    let rye = run::<catalog::CreateItem>(app, tenant, ingredient("Wholemeal rye flour", "bag", 16_000)).await?;
    let butter = run::<catalog::CreateItem>(app, tenant, ingredient("Butter, unsalted", "block", 250)).await?;
    let jar = json!({ "name": "Raspberry jam, jar", "kind": "product", "category": "Larder", "baseUnit": "pc", "stockRule": "stocked", "price": pounds(450) });
    let jar = run::<catalog::CreateItem>(app, tenant, jar).await?;
    let mill = run::<suppliers::AddSupplier>(app, tenant, json!({ "name": "Water of Leith Mill", "email": "orders@mill.example" })).await?;
    let dairy = run::<suppliers::AddSupplier>(app, tenant, json!({ "name": "Pentland Dairy", "phone": "+44 131 496 0000" })).await?;
    for (supplier, item, unit, amount) in
        [(&mill, &flour, "bag", 1_850), (&mill, &rye, "bag", 1_490), (&dairy, &butter, "kg", 640), (&mill, &jar, "pc", 210)]
    {
        let price = json!({ "id": supplier["id"], "itemId": item["id"], "unit": unit, "amount": pounds(amount) });
        run::<suppliers::SetSupplierPrice>(app, tenant, price).await?;
    }
    let line = |item: &Value, quantity: &str, unit: &str, amount: i64| json!({ "itemId": item["id"], "quantity": quantity, "unit": unit, "amount": pounds(amount) });
    let delivery = json!({ "kind": "delivery", "supplier": "Water of Leith Mill", "reference": "WL-20417",
        "lines": [line(&flour, "8", "bag", 14_800), line(&rye, "3", "bag", 4_470), line(&jar, "24", "pc", 5_040)] });
    run::<stock::ReceiveStock>(app, tenant, delivery).await?;
    let delivery =
        json!({ "kind": "delivery", "supplier": "Pentland Dairy", "reference": "3391", "lines": [line(&butter, "40", "block", 6_400)] });
    run::<stock::ReceiveStock>(app, tenant, delivery).await?;
    Ok(())
}

/// Three customers who buy on account: one has paid, one in part, one not yet.
async fn accounts(app: &App, tenant: TenantId) -> Result<()> {
    let pounds = |minor: i64| json!({ "minor": minor, "currency": "GBP" });
    let breakfast = json!({ "name": "Office breakfast, a head", "kind": "product", "category": "Catering", "baseUnit": "pc",
        "stockRule": "made_to_order", "price": pounds(650), "standardCost": { "amount": pounds(210) } });
    let breakfast = run::<catalog::CreateItem>(app, tenant, breakfast).await?;
    let accounts: [(&str, &str, &[&str], i64); 3] = [
        ("Leith Street Books", "accounts@books.example", &["6", "4"], 6_500),
        ("Calton Architects", "office@calton.example", &["12", "9", "10"], 10_000),
        ("The Royal Mile Hostel", "kitchen@hostel.example", &["22"], 0),
    ];
    for (name, email, heads, paid) in accounts {
        let customer = run::<sales::AddCustomer>(app, tenant, json!({ "name": name, "email": email })).await?;
        for quantity in heads {
            let sold = json!({ "customerId": customer["id"], "channel": "delivery", "lines": [{ "itemId": breakfast["id"], "quantity": quantity }],
                "payments": [{ "method": "on_account" }] });
            run::<sales::RingSale>(app, tenant, sold).await?;
        }
        if paid > 0 {
            let received =
                json!({ "customerId": customer["id"], "method": "card", "amount": pounds(paid), "reference": format!("Transfer, {name}") });
            run::<sales::ReceivePayment>(app, tenant, received).await?;
        }
    }
    Ok(())
}
