//! The import on pages: files are given, the guess is shown and may be changed, tried, done, and its report read.

use kernel::{Currency, ImportId, Money, Permission, Result};
use maud::{Markup, html};
use pricing::Method;
use serde_json::{Map, Value};
use tables::{Decimal, Mapping, Part, Role};
use web::{
    Cx, Fields, ListPage, Refused, Reply, Routes, Typed, history, t, tf,
    ui::{self, Button, Choice, ColumnKind, Crumb, Does, Fact, Field, FileDrop, Head, Row, Table, Tone, Toolbar, Weight},
};

use super::{
    Alike, ImportReport, Outcome,
    commands::{Decided, RunImport},
    document::{self, Document, IMPORTS, REFUSALS},
    look::{self, Sample},
    measure,
};

pub(super) fn routes(routes: &mut Routes) {
    routes.page("GET /import", Permission::ImportRun, async |cx: Cx| start(&cx, None).await);
    routes.page("GET /import/{id}", Permission::ImportRun, async |cx: Cx| show(&cx, Typed::default()).await);
    routes.form("POST /import/{id}", Permission::ImportRun, decide);
    routes.raw("GET /import/{id}/progress", Permission::ImportRun, web::Answers::Page, &[], progress);
}

/// Where files are given, and what was imported so far.
pub(super) async fn start(cx: &Cx, refused: Option<&Refused>) -> Result<Markup> {
    let drop = FileDrop {
        action: "/import".into(),
        guard: cx.guard(),
        name: "files".into(),
        label: t("import-drop"),
        help: t("import-drop-help"),
        accept: ".csv,.tsv,.txt,.gz".into(),
        many: true,
    };
    let list = ListPage {
        list: &IMPORTS,
        here: "/import",
        api: "/v1/imports",
        name: "name",
        open: |row: &Map<String, Value>| Some(format!("/import/{}", row.get("id")?.as_str()?)),
        empty: ui::Empty { icon: "file", title: t("imports-empty-title"), text: t("imports-empty-text"), first: None },
        clock: cx.clock(),
        codes: &[("state", "import-state")],
        within: &[],
        files_only: &[],
    };
    let past = list.show(cx, &mut cx.tx().await?).await?;
    let body = html! {
        @if let Some(refused) = refused { (refused.banner()) }
        (ui::file_drop(&drop))
        h2 { (t("imports")) }
        (past)
    };
    Ok(cx.page_with(
        Toolbar { crumbs: Vec::new(), title: t("import-title"), now: Some(html! { (t("import-what")) }), buttons: Vec::new() },
        body,
    ))
}

async fn show(cx: &Cx, typed: Typed<'_>) -> Result<Markup> {
    let id: ImportId = cx.id("id")?;
    let mut tx = cx.tx().await?;
    let import = document::load(&mut tx, id).await?;
    let clock = cx.clock();
    let lines = match &import.report {
        Some(report) if report.refused_count > 0 => Some(refusals(cx, &mut tx, id).await?),
        _ => None,
    };
    let lines = html! { @if let Some(lines) = lines { h2 { (t("import-refused-title")) } (lines) } };
    if import.state != "done" {
        let body = match import.state.as_str() {
            "running" => running(&import),
            _ => html! { (typed.banner()) (outcome(&import)) (choose(cx, &import, typed)?) (lines) },
        };
        let crumbs = vec![Crumb { label: t("import-title"), href: "/import".into() }];
        let now = ui::badge(tone(&import), &t(&format!("import-state-{}", import.state)));
        return Ok(cx.page_with(Toolbar { crumbs, title: import.name.clone(), now: Some(now), buttons: Vec::new() }, body));
    }
    let shown = ui::Document {
        head: head(cx, &import)?,
        lines: outcome(&import),
        money: None,
        acts: Vec::new(),
        links: vec![Button::link(t("import-orders"), format!("/orders?import={id}")).main()],
        history: history(&mut tx, id.uuid(), &clock).await?,
    };
    Ok(cx.bare_page(import.name.clone(), html! { (ui::document(&shown)) (lines) }))
}

fn tone(import: &Document) -> Tone {
    match import.state.as_str() {
        "done" => Tone::Done,
        "refused" | "failed" => Tone::Wrong,
        "running" => Tone::Waiting,
        _ => Tone::Plain,
    }
}

fn head(cx: &Cx, import: &Document) -> Result<Head> {
    let site = cx.viewer()?.sites.iter().find(|s| s.id == import.site_id).map(|s| s.name.clone()).unwrap_or_default();
    Ok(Head {
        crumbs: vec![Crumb { label: t("import-title"), href: "/import".into() }],
        kind: t("kind-import"),
        number: import.number.clone().unwrap_or_default(),
        tone: tone(import),
        state: t(&format!("import-state-{}", import.state)),
        about: Some(import.name.clone()),
        facts: vec![
            Fact::new(t("import-site"), html! { (site) }),
            Fact::new(t("import-source"), html! { (import.source) }),
            Fact::new(t("import-method"), html! { (t(&format!("method-{}", import.method.code()))) }),
        ],
    })
}

/// The bar of a run that goes on. With script it looks again by itself; without, the page is loaded again.
fn running(import: &Document) -> Markup {
    let (at, of) = (import.progress.to_string(), import.progress_of.to_string());
    let here = format!("/import/{}", import.id);
    html! {
        div hx-get={ (here) "/progress" } hx-trigger="every 1s" hx-swap="outerHTML" {
            p role="status" {
                @if import.progress_of > 0 { (tf("import-progress", &[("at", &at), ("of", &of)])) } @else { (t("import-reading")) }
            }
            @if import.progress_of > 0 { progress.progress max=(of) value=(at) aria-label=(t("import-state-running")) {} }
            @else { progress.progress aria-label=(t("import-state-running")) {} }
            noscript { meta http-equiv="refresh" content="2"; }
            p { a href=(here) { (t("import-look-again")) } }
        }
    }
}

/// The bar alone; once the run has ended the page is loaded again.
async fn progress(cx: Cx) -> Result<Reply> {
    let id: ImportId = cx.id("id")?;
    let import = document::load(&mut cx.tx().await?, id).await?;
    let reply = Reply::page(running(&import));
    Ok(if import.state == "running" { reply } else { reply.header(axum::http::HeaderName::from_static("hx-refresh"), "true") })
}

/// What the last run said, and before the first one what was seen when the files were given.
fn outcome(import: &Document) -> Markup {
    let Some(report) = &import.report else {
        let said = match (&import.error, import.problems.as_array().and_then(|all| all.first())) {
            (Some(error), _) => ui::banner(Tone::Wrong, error, None),
            (None, Some(problem)) => ui::banner(Tone::Waiting, problem.get("reason").and_then(Value::as_str).unwrap_or_default(), None),
            (None, None) => ui::banner(Tone::Plain, &t("import-confirm"), None),
        };
        let passed = |alike: &Alike| if alike.source == import.source { "import-alike-passed" } else { "import-alike-mend" };
        return html! { (said) @if let Some(alike) = &import.alike { (here_already(alike, passed(alike))) } };
    };
    let already = report.already_imported.map(|id| Button::link(t("import-already-open"), format!("/import/{id}")));
    let alike = report.alike.as_ref().filter(|_| report.outcome != Outcome::Done);
    let twice = alike.is_some_and(Alike::most) && !import.another_till;
    let moved = |alike: &Alike| if alike.source == import.source { "import-alike-moved" } else { "import-alike-mend" };
    let (tone, key) = match report.outcome {
        Outcome::Done => (Tone::Done, "import-said-done"),
        Outcome::Tried => (Tone::Plain, "import-said-tried"),
        Outcome::Already => (Tone::Waiting, "import-said-already"),
        Outcome::Refused if twice && report.refused_count == report.left_out => (Tone::Wrong, "import-said-alike"),
        Outcome::Refused if report.documents == 0 && report.refused_count == report.left_out => (Tone::Wrong, "import-said-nothing"),
        Outcome::Refused => (Tone::Wrong, "import-said-refused"),
    };
    let stopping = (report.refused_count - report.left_out.min(report.refused_count)).to_string();
    html! {
        (ui::banner(tone, &tf(key, &[("n", &stopping)]), already.as_ref()))
        @if let Some(alike) = alike { (here_already(alike, moved(alike))) }
        @if report.outcome != Outcome::Already { (facts(import, report)) }
    }
}

/// How many of its orders are here already, who brought them, and what to do.
fn here_already(alike: &Alike, mend: &str) -> Markup {
    let (orders, among) = (alike.orders.to_string(), alike.among.to_string());
    let brought = alike.number.clone().unwrap_or_else(|| t("kind-import"));
    let said = tf("import-alike", &[("orders", &orders), ("among", &among), ("import", &brought), ("source", &alike.source)]);
    let open = Button::link(t("import-already-open"), format!("/import/{}", alike.import_id));
    ui::banner(Tone::Waiting, &format!("{said} {}", t(mend)), Some(&open))
}

fn facts(import: &Document, report: &ImportReport) -> Markup {
    let count = |key: &str, n: u64| Fact::new(t(key), html! { span.number { (n) } });
    let orders = html! {
        @if report.outcome == Outcome::Done { a href={ "/orders?import=" (import.id) } { span.number { (report.documents) } } }
        @else { span.number { (report.documents) } }
    };
    let mut facts = vec![
        count("import-lines", report.lines),
        count("import-accepted", report.accepted),
        count("import-left-out", report.left_out),
        count("import-refused", report.refused_count - report.left_out.min(report.refused_count)),
        Fact::new(t("import-documents"), orders),
        Fact::new(t("import-total"), html! { span.number { (report.total) } }),
        count("import-items-made", report.items_made),
    ];
    if let Some((first, last)) = report.days {
        facts.push(Fact::new(t("import-days"), html! { (first) " – " (last) }));
    }
    if report.skipped > 0 {
        facts.push(count("import-skipped", report.skipped));
    }
    if report.rounded > 0 {
        facts.push(count("import-rounded", report.rounded));
    }
    ui::facts(&facts)
}

/// The form: what each column is, the rest of what a person decides, and the acts.
fn choose(cx: &Cx, import: &Document, typed: Typed<'_>) -> Result<Markup> {
    let sites = &cx.viewer()?.sites;
    let site = Choice::new;
    let mut fields = vec![
        Field::text("source", t("import-source")).help(t("import-source-help")).value(import.source.clone()),
        Field::new("costPercent", t("import-cost"), ui::Kind::Quantity { unit: "%".into() })
            .help(t("import-cost-help"))
            .value(import.cost_percent.to_string()),
        Field::new("method", t("import-method"), ui::Kind::Select(methods())).help(t("import-method-help")).value(import.method.code()),
    ];
    if sites.len() > 1 {
        let choices = sites.iter().map(|s| site(s.id.to_string(), s.name.clone())).collect();
        fields.insert(0, Field::new("siteId", t("import-site"), ui::Kind::Select(choices)).value(import.site_id.to_string()));
    }
    let refused = import.report.as_ref().is_some_and(|r| r.refused_count > r.left_out);
    if refused {
        let value = if import.skip_refused { "true" } else { "" };
        fields.push(Field::new("skipRefused", t("import-skip"), ui::Kind::Checkbox).help(t("import-skip-help")).value(value).optional());
    }
    if import.alike.is_some() || import.report.as_ref().is_some_and(|r| r.alike.is_some()) {
        let value = if import.another_till { "true" } else { "" };
        let field = Field::new("anotherTill", t("import-another-till"), ui::Kind::Checkbox);
        fields.push(field.help(t("import-another-till-help")).value(value).optional());
    }
    let fields: Vec<Field> = fields.into_iter().map(|field| typed.field(field)).collect();
    let tried = import.report.as_ref().is_some_and(|r| r.outcome == Outcome::Tried) || refused;
    let act =
        |label: &str, value: &str, weight| Button { label: t(label), does: Does::SubmitAs("act".into(), value.into()), weight, icon: None };
    let weights = if tried { (Weight::Quiet, Weight::Main) } else { (Weight::Main, Weight::Quiet) };
    Ok(html! {
        @if let Some(sample) = sample(import) { h2 { (t("import-sample")) } (sample) }
        form.form method="post" action={ "/import/" (import.id) } {
            (ui::guard(&cx.guard()))
            @for (f, file) in import.mapping.files.iter().enumerate() { (file_choices(import, f, file)) }
            (ui::field_set(&t("import-rest"), None, &fields))
            div.form-acts { (ui::button(&act("import-try", "try", weights.0))) (ui::button(&act("import-run", "import", weights.1))) }
        }
    })
}

fn methods() -> Vec<Choice> {
    [Method::Cash, Method::Card, Method::Mobile].iter().map(|m| Choice::new(m.code(), t(&format!("method-{}", m.code())))).collect()
}

fn sample(import: &Document) -> Option<Markup> {
    let lines: Vec<Sample> = serde_json::from_value(import.sample.clone()).ok()?;
    let column = |key: &str, kind| ui::Column::new(t(key), kind);
    let cells = |s: &Sample| {
        let number = |text: &str| html! { span.number { (text) } };
        let money = |text: Option<&str>| html! { @if let Some(text) = text { span.number { (as_kept(text, import.currency)) } } };
        vec![
            number(&s.line.to_string()),
            html! { (s.ticket.as_deref().unwrap_or_default()) },
            html! { (s.at) },
            html! { (s.item) },
            number(&s.quantity),
            money(s.price.as_deref()),
            money(s.amount.as_deref()),
        ]
    };
    let rows = lines.iter().map(|s| Row { id: s.line.to_string(), name: s.item.clone(), href: None, cells: cells(s) }).collect::<Vec<_>>();
    (!rows.is_empty()).then(|| {
        ui::table(&Table {
            caption: t("import-sample"),
            columns: vec![
                column("import-line", ColumnKind::Number),
                column("tables-role-ticket", ColumnKind::Text),
                column("import-when", ColumnKind::Date),
                column("tables-role-item", ColumnKind::Text),
                column("tables-role-quantity", ColumnKind::Number),
                column("tables-role-unit-price", ColumnKind::Number),
                column("import-amount", ColumnKind::Number),
            ],
            rows,
            total: None,
            bulk: None,
            empty: None,
        })
    })
}

/// An amount of a file as the books will have it: in the site's currency, rounded to its decimals.
fn as_kept(text: &str, currency: Currency) -> String {
    let minor = text.parse::<Decimal>().ok().and_then(|amount| measure::minor(amount, currency).ok());
    minor.map_or_else(|| text.to_owned(), |minor| Money::new(minor, currency).to_string())
}

/// A file: why it is taken as it is, and a choice for each of its columns.
fn file_choices(import: &Document, f: usize, file: &tables::FilePart) -> Markup {
    let decisions = import.decisions.as_array().map_or(&[][..], Vec::as_slice);
    let of_file = decisions.iter().filter(|d| d.get("file").and_then(Value::as_str) == Some(&file.name));
    let text = |d: &Value, name: &str| d.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let unsure = |d: &Value| d.get("sure").and_then(Value::as_str).is_some_and(|s| s.eq_ignore_ascii_case("unsure"));
    let used = file.part != Part::Unused;
    html! {
        fieldset.field-set {
            legend { (file.name) }
            ul {
                @for d in of_file {
                    li { @if unsure(d) { (ui::badge(Tone::Waiting, &t("import-unsure"))) " " } (sentence(&text(d, "text"))) }
                }
            }
            @if used { (ui::table(&column_table(import, f, &file.name))) }
        }
    }
}

/// With a capital at its beginning.
fn sentence(said: &str) -> String {
    let mut letters = said.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn column_table(import: &Document, f: usize, file: &str) -> Table {
    let columns = look::columns(&import.profiles, file);
    let heading = |key: &str| ui::Column::new(t(key), ColumnKind::Text);
    let row = |(c, column): (usize, &look::Shown)| Row {
        id: c.to_string(),
        name: column.name.clone(),
        href: None,
        cells: vec![
            html! { (column.name) },
            html! { (column.examples) },
            role_choice(&import.mapping, f, c, file, column),
            format_choice(&import.mapping, f, c, file, column),
        ],
    };
    Table {
        caption: file.to_owned(),
        columns: vec![heading("import-column"), heading("import-examples"), heading("import-is"), heading("import-read-as")],
        rows: columns.iter().take(look::COLUMNS).enumerate().map(row).collect(),
        total: None,
        bulk: None,
        empty: None,
    }
}

fn assigned<'a>(mapping: &'a Mapping, file: &str, column: &look::Shown) -> Option<&'a tables::Assigned> {
    mapping.columns.iter().find(|a| a.file == file && matches!(&a.column, tables::ColumnRef::Name(name) if *name == column.name))
}

fn role_choice(mapping: &Mapping, f: usize, c: usize, file: &str, column: &look::Shown) -> Markup {
    let now = assigned(mapping, file, column).map(|a| a.role);
    html! {
        div.control { select name={ "role." (f) "." (c) } aria-label={ (t("import-is")) ": " (column.name) } {
            option value="" selected[now.is_none()] { (t("import-role-none")) }
            @for role in Role::ALL {
                option value=(role.name()) selected[now == Some(role)] { (t(&format!("tables-role-{}", role.name().replace('_', "-")))) }
            }
        } }
    }
}

fn format_choice(mapping: &Mapping, f: usize, c: usize, file: &str, column: &look::Shown) -> Markup {
    let now = look::format_word(assigned(mapping, file, column).map_or(column.format, |a| a.format));
    html! {
        div.control { select name={ "format." (f) "." (c) } aria-label={ (t("import-read-as")) ": " (column.name) } {
            option value="" selected[now.is_empty()] { (t("import-format-plain")) }
            @for (word, label) in look::FORMATS { option value=(word) selected[now == *word] { (t(label)) } }
        } }
    }
}

/// The refused lines, a page at a time, with the whole list as a file.
async fn refusals(cx: &Cx, tx: &mut db::Tx, id: ImportId) -> Result<Markup> {
    let (here, api) = (format!("/import/{id}"), format!("/v1/imports/{id}/refused"));
    let mut of_import = cx.clone();
    of_import.query.retain(|(name, _)| name != "import");
    of_import.query.push(("import".to_owned(), id.to_string()));
    let list = ListPage {
        list: &REFUSALS,
        here: &here,
        api: &api,
        name: "reason",
        open: |_| None,
        empty: ui::Empty { icon: "check", title: t("import-refused-none"), text: String::new(), first: None },
        clock: cx.clock(),
        codes: &[],
        within: &[],
        files_only: &["code"],
    };
    list.show(&of_import, tx).await
}

/// Keeps what was chosen and runs: a try, or the import.
async fn decide(cx: Cx, fields: Fields) -> Result<Reply> {
    let id: ImportId = cx.id("id")?;
    let import = document::load(&mut cx.tx().await?, id).await?;
    Ok(match cx.submit(&fields, command(&import, &fields)).await? {
        Ok(_) => Reply::see(format!("/import/{id}")),
        Err(refused) => Reply::refused(show(&cx, Typed::again(&fields, &refused)).await?),
    })
}

fn command(import: &Document, fields: &Fields) -> Result<RunImport> {
    let mapping = look::mapping(fields, &import.mapping, &import.profiles)?;
    let mut read = fields.reader();
    let source = read.text("source", 200);
    let cost_percent = read.parse::<i32>("costPercent", "import.percent");
    let method = read.parse::<Method>("method", "choice.unknown");
    let site_id = read.optional("siteId", "site.unknown");
    let (dry_run, skip_refused, another_till) = (fields.get("act") != "import", read.flag("skipRefused"), read.flag("anotherTill"));
    let decided = read.done(|| Some(Decided { mapping: Some(mapping), site_id, source: Some(source), cost_percent, method }))?;
    Ok(RunImport { id: import.id, dry_run, skip_refused, another_till, decided: Some(decided) })
}
