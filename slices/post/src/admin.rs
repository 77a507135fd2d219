//! The operator's list of letters: what waits, what was refused and why; a letter is sent again or cancelled by hand.

use db::System;
use kernel::{At, Change, Error, Op, PLATFORM, Permission, Result, TenantId};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Cx, Fields, Reply, Routes, t, tf,
    ui::{self, Act, ColumnKind, Row, Tab, Table, Tone, Weight},
};

use crate::letter::LetterId;

/// Rows on a page.
const PAGE: usize = 50;
/// So many of those that were given up are sent again at once.
const AT_ONCE: i64 = 1000;
/// The states of a letter, as the list offers them.
const STATES: [&str; 5] = ["queued", "sending", "sent", "dead", "cancelled"];

/// A letter as the operator sees it; what it says is sealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostedLetter {
    /// The id.
    pub id: LetterId,
    /// Whose letter it is.
    pub tenant_id: TenantId,
    /// That business's name.
    pub business: String,
    /// What kind of letter.
    pub kind: String,
    /// `mail` or `text`.
    pub way: String,
    /// To whom: an address, or a telephone's number.
    pub to: String,
    /// `queued`, `sending`, `sent`, `dead` or `cancelled`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Not before this it is tried again; of a letter that waits.
    pub next_at: Option<At>,
    /// What the mail server said last.
    pub answer: Option<String>,
    /// When it was written.
    pub created_at: At,
    /// When the mail server took it.
    pub sent_at: Option<At>,
}

/// A page of letters, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Letters {
    /// Where letters go; none when no mail server is set, and then they wait.
    pub carrier: Option<String>,
    /// Where text messages go; none when no gateway is set.
    pub texts: Option<String>,
    /// How many were given up, whatever the page shows.
    pub given_up: u64,
    /// The letters.
    pub rows: Vec<PostedLetter>,
    /// Where the next page begins, if there is one.
    pub next: Option<LetterId>,
}

/// Sends a letter that was given up, or that waits, at once.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendLetter {
    /// Which.
    pub id: LetterId,
}

/// Sends every letter that was given up again, a thousand at once: a mail server was out of order, and is not any more.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendGivenUp {}

/// What became of the letters that were given up.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResentLetters {
    /// So many wait to be sent again.
    pub resent: u64,
    /// So many are given up still.
    pub given_up: u64,
}

/// Cancels a letter that was not sent; what it says is wiped.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelLetter {
    /// Which.
    pub id: LetterId,
}

pub(crate) fn routes(routes: &mut Routes) {
    use Permission::{PlatformRead, PlatformSupport};
    routes.json::<Letters, _, _>("GET /v1/admin/mail", PlatformRead, "Letters", &["state", "cursor"], async |cx: Cx| letters(&cx).await);
    routes.call::<ResendLetter, PostedLetter, _, _>(
        "POST /v1/admin/mail/{id}/resend",
        PlatformSupport,
        "ResendLetter",
        async |cx: Cx, asked: ResendLetter| Reply::json(&resend(&cx, asked.id).await?),
    );
    routes.call::<ResendGivenUp, ResentLetters, _, _>(
        "POST /v1/admin/mail/resend",
        PlatformSupport,
        "ResendGivenUp",
        async |cx: Cx, _: ResendGivenUp| Reply::json(&resend_given_up(&cx).await?),
    );
    routes.call::<CancelLetter, PostedLetter, _, _>(
        "POST /v1/admin/mail/{id}/cancel",
        PlatformSupport,
        "CancelLetter",
        async |cx: Cx, asked: CancelLetter| Reply::json(&cancel(&cx, asked.id).await?),
    );
    routes.page("GET /admin/mail", PlatformRead, async |cx: Cx| {
        let found = letters(&cx).await?;
        Ok(page(&cx, &found))
    });
    routes.form("POST /admin/mail/resend", PlatformSupport, async |cx: Cx, _: Fields| {
        Ok(Reply::see(format!("/admin/mail?state=queued&resent={}", resend_given_up(&cx).await?.resent)))
    });
    routes.form("POST /admin/mail/{id}/resend", PlatformSupport, async |cx: Cx, _: Fields| act(&cx, resend(&cx, cx.id("id")?).await).await);
    routes.form("POST /admin/mail/{id}/cancel", PlatformSupport, async |cx: Cx, _: Fields| act(&cx, cancel(&cx, cx.id("id")?).await).await);
}

/// A letter's row of the table.
struct Kept {
    id: LetterId,
    tenant_id: TenantId,
    business: String,
    kind: String,
    way: String,
    recipient: String,
    state: String,
    attempts: i32,
    run_at: At,
    answer: Option<String>,
    created_at: At,
    sent_at: Option<At>,
}

impl From<Kept> for PostedLetter {
    fn from(kept: Kept) -> Self {
        let waits = kept.state == "queued";
        Self {
            id: kept.id,
            tenant_id: kept.tenant_id,
            business: kept.business,
            kind: kept.kind,
            way: kept.way,
            to: kept.recipient,
            state: kept.state,
            attempts: kept.attempts,
            next_at: waits.then_some(kept.run_at),
            answer: kept.answer,
            created_at: kept.created_at,
            sent_at: kept.sent_at,
        }
    }
}

/// The letters that the address asks for.
async fn letters(cx: &Cx) -> Result<Letters> {
    let state = cx.param("state");
    if state.is_some_and(|state| !STATES.contains(&state)) {
        return Err(Error::field("state", "choice.unknown"));
    }
    let before = match cx.param("cursor") {
        Some(text) => text.parse::<Uuid>().map_err(|_| Error::field("cursor", "page.cursor"))?,
        None => Uuid::max(),
    };
    let mut found = read(cx, state, before).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().map(|kept| kept.id).filter(|_| more);
    let settings = cx.app.settings();
    let given_up = given_up(&mut cx.app.db().system("post.letters").await?).await?;
    Ok(Letters {
        given_up,
        carrier: settings.mail.clone(),
        texts: settings.texts.clone(),
        rows: found.into_iter().map(PostedLetter::from).collect(),
        next,
    })
}

/// One more than a page; each of the two orders has its index.
async fn read(cx: &Cx, state: Option<&str>, before: Uuid) -> Result<Vec<Kept>> {
    let limit = i64::try_from(PAGE).unwrap_or(0) + 1;
    let mut system = cx.app.db().system("post.letters").await?;
    let found = match state {
        Some(state) => sqlx::query_as!(
            Kept,
            r#"SELECT l.id AS "id: LetterId", l.tenant_id AS "tenant_id: TenantId", t.name AS business, l.kind, l.way, l.recipient, l.state,
                    l.attempts, l.run_at, l.answer, l.created_at, l.sent_at
                FROM post.letter l JOIN db.tenant t ON t.id = l.tenant_id
                WHERE l.state = $1 AND l.id < $2 ORDER BY l.id DESC LIMIT $3"#,
            state,
            before,
            limit
        )
        .fetch_all(system.conn())
        .await?,
        None => sqlx::query_as!(
            Kept,
            r#"SELECT l.id AS "id: LetterId", l.tenant_id AS "tenant_id: TenantId", t.name AS business, l.kind, l.way, l.recipient, l.state,
                    l.attempts, l.run_at, l.answer, l.created_at, l.sent_at
                FROM post.letter l JOIN db.tenant t ON t.id = l.tenant_id
                WHERE l.id < $1 ORDER BY l.id DESC LIMIT $2"#,
            before,
            limit
        )
        .fetch_all(system.conn())
        .await?,
    };
    Ok(found)
}

/// Puts a letter that was given up, or that waits, to the front, with all its attempts before it.
async fn resend(cx: &Cx, id: LetterId) -> Result<PostedLetter> {
    let now = cx.op.at;
    let mut system = cx.app.db().system("post.resend").await?;
    let done = sqlx::query!(
        "UPDATE post.letter SET state = 'queued', run_at = $2, attempts = 0 WHERE id = $1 AND state IN ('queued', 'dead')",
        id.uuid(),
        now as At
    )
    .execute(system.conn())
    .await?
    .rows_affected();
    settle(system, &cx.op, id, done, "letter.resent").await
}

/// How many letters were given up.
async fn given_up(system: &mut System) -> Result<u64> {
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM post.letter WHERE state = 'dead'"#);
    Ok(u64::try_from(count.fetch_one(system.conn()).await?).unwrap_or(0))
}

/// Puts the oldest of those that were given up to the front, with all their attempts before them. Of two who ask at once the second
/// leaves alone what the first has taken.
async fn resend_given_up(cx: &Cx) -> Result<ResentLetters> {
    let now = cx.op.at;
    let mut system = cx.app.db().system("post.resend").await?;
    let resent = sqlx::query!(
        "WITH given_up AS (SELECT tenant_id, id FROM post.letter WHERE state = 'dead' ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        UPDATE post.letter l SET state = 'queued', run_at = $1, attempts = 0 FROM given_up g WHERE l.tenant_id = g.tenant_id AND l.id = g.id",
        now as At,
        AT_ONCE
    )
    .execute(system.conn())
    .await?
    .rows_affected();
    let given_up = given_up(&mut system).await?;
    if resent > 0 {
        let told = serde_json::json!({ "letters": resent });
        system.log(&cx.op, PLATFORM, &Change::of("letters.resent", "tenant", PLATFORM, &told)).await?;
    }
    system.commit().await?;
    Ok(ResentLetters { resent, given_up })
}

async fn cancel(cx: &Cx, id: LetterId) -> Result<PostedLetter> {
    let mut system = cx.app.db().system("post.cancel").await?;
    let done =
        sqlx::query!("UPDATE post.letter SET state = 'cancelled', body = NULL WHERE id = $1 AND state IN ('queued', 'dead')", id.uuid())
            .execute(system.conn())
            .await?
            .rows_affected();
    settle(system, &cx.op, id, done, "letter.cancelled").await
}

/// Answers with the letter as it is now and notes who did it; a letter in another state refuses.
async fn settle(mut system: System, op: &Op, id: LetterId, done: u64, action: &'static str) -> Result<PostedLetter> {
    let letter = sqlx::query_as!(
        Kept,
        r#"SELECT l.id AS "id: LetterId", l.tenant_id AS "tenant_id: TenantId", t.name AS business, l.kind, l.way, l.recipient, l.state,
            l.attempts, l.run_at, l.answer, l.created_at, l.sent_at
        FROM post.letter l JOIN db.tenant t ON t.id = l.tenant_id WHERE l.id = $1"#,
        id.uuid()
    )
    .fetch_optional(system.conn())
    .await?
    .map(PostedLetter::from)
    .ok_or(Error::NotFound)?;
    if done == 0 {
        return Err(Error::rule("letter.state"));
    }
    // Of a person only their address would be told; the letter's id says which it was.
    let told = serde_json::json!({ "kind": letter.kind, "tenant": letter.tenant_id });
    system.log(op, PLATFORM, &Change::of(action, "letter", id, &told)).await?;
    system.commit().await?;
    Ok(letter)
}

/// After a button: back to the list, or the list with what refused.
async fn act(cx: &Cx, done: Result<PostedLetter>) -> Result<Reply> {
    match Cx::refusable(done)? {
        Ok(_) => Ok(Reply::see("/admin/mail")),
        Err(refused) => {
            let found = letters(cx).await?;
            Ok(Reply::refused(whole(cx, html! { (refused.banner()) (inside(cx, &found)) })))
        }
    }
}

fn page(cx: &Cx, found: &Letters) -> Markup {
    whole(cx, inside(cx, found))
}

fn whole(cx: &Cx, body: Markup) -> Markup {
    cx.page(t("mail-title"), body)
}

fn inside(cx: &Cx, found: &Letters) -> Markup {
    let chosen = cx.param("state");
    let link = |state: Option<&str>, cursor: Option<LetterId>| {
        let cursor = cursor.map(|id| id.to_string());
        let query: Vec<(&str, &str)> =
            [("state", state), ("cursor", cursor.as_deref())].into_iter().filter_map(|(n, v)| Some((n, v?))).collect();
        let query = query.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
        if query.is_empty() { "/admin/mail".to_owned() } else { format!("/admin/mail?{query}") }
    };
    let tab = |state: Option<&'static str>| Tab {
        label: t(&format!("mail-state-{}", state.unwrap_or("all"))),
        href: link(state, None),
        current: chosen == state,
        count: None,
    };
    let tabs: Vec<Tab> = std::iter::once(None).chain(STATES.into_iter().map(Some)).map(tab).collect();
    let pager = ui::Pager {
        previous: cx.param("cursor").map(|_| link(chosen, None)),
        next: found.next.map(|next| link(chosen, Some(next))),
        here: None,
    };
    html! {
        @match &found.carrier {
            Some(place) => { p.help { (tf("mail-carrier", &[("where", place)])) } }
            None => { (ui::banner(Tone::Waiting, &t("mail-none"), None)) }
        }
        @if let Some(place) = &found.texts { p.help { (tf("mail-texts", &[("where", place)])) } }
        @if let Some(resent) = cx.param("resent").and_then(|count| count.parse::<u64>().ok()) {
            (ui::banner(Tone::Done, &tf("mail-resent", &[("count", &resent.to_string())]), None))
        }
        (ui::tabs(&t("mail-states"), &tabs))
        (all_again(cx, found))
        (ui::table(&table(cx, &found.rows)))
        (ui::pager(&pager))
    }
}

/// The act for all that were given up, where they are looked at; one alone has its own.
fn all_again(cx: &Cx, found: &Letters) -> Markup {
    let looked_at = matches!(cx.param("state"), None | Some("dead"));
    if found.given_up < 2 || !looked_at || !cx.op.permissions.has(Permission::PlatformSupport) {
        return html! {};
    }
    let label = tf("mail-resend-all", &[("count", &found.given_up.to_string())]);
    let act = Act::new(label, "/admin/mail/resend", cx.guard()).confirm(t("mail-resend-all-ask"));
    html! { div.document-acts { (ui::act(&act)) } }
}

fn table(cx: &Cx, letters: &[PostedLetter]) -> Table {
    let clock = cx.clock();
    let rows = letters.iter().map(|letter| Row {
        id: letter.id.to_string(),
        name: letter.to.clone(),
        href: None,
        cells: vec![
            html! { div { (t(&format!("letter-kind-{}", letter.kind))) div { (letter.to) } span.help { (letter.business) } } },
            html! { div { (state(&letter.state)) @if let Some(answer) = &letter.answer { div.help { (answer) } } } },
            html! { div { (letter.attempts) @if let Some(at) = letter.next_at { div.help { (t("mail-next")) " " (clock.moment(at)) } } } },
            clock.moment(letter.created_at),
            acts(cx, letter),
        ],
    });
    let column = |key: &str, kind: ColumnKind| ui::Column::new(t(key), kind);
    Table {
        caption: t("mail-title"),
        columns: vec![
            column("mail-kind", ColumnKind::Text),
            column("mail-state", ColumnKind::State),
            column("mail-attempts", ColumnKind::Text),
            column("mail-written", ColumnKind::Date),
            column("mail-acts", ColumnKind::Text),
        ],
        rows: rows.collect(),
        total: None,
        bulk: None,
        empty: Some(ui::Empty { icon: "file", title: t("mail-empty-title"), text: t("mail-empty-text"), first: None }),
    }
}

fn state(state: &str) -> Markup {
    let tone = match state {
        "sent" => Tone::Done,
        "dead" => Tone::Wrong,
        "cancelled" => Tone::Plain,
        _ => Tone::Waiting,
    };
    ui::badge(tone, &t(&format!("mail-state-{state}")))
}

/// What may be done with a letter by who looks at it.
fn acts(cx: &Cx, letter: &PostedLetter) -> Markup {
    let open = matches!(letter.state.as_str(), "queued" | "dead");
    if !open || !cx.op.permissions.has(Permission::PlatformSupport) {
        return html! {};
    }
    let resend = Act::new(t("mail-resend"), format!("/admin/mail/{}/resend", letter.id), cx.guard());
    let cancel = Act::new(t("mail-cancel"), format!("/admin/mail/{}/cancel", letter.id), cx.guard());
    html! { div.document-acts { (ui::act(&resend)) (ui::act(&cancel.weight(Weight::Danger).confirm(t("mail-cancel-ask")))) } }
}
