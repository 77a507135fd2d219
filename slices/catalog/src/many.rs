//! Several items at once: taken out of use, or used again. What was done is said with its undo: the same for those that changed,
//! the other way round.

use db::{Command, Tx};
use kernel::{Change, Error, ItemId, Permission, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Cx, Fields, Reply, t, tf,
    ui::{self, Act, Bulk, Toast, Weight},
};

/// The most items that are changed at once.
const MOST: usize = 500;

/// Takes items out of use, or uses them again. Those that are so already stay as they are.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseItems {
    /// Which items: 1 to 500.
    pub ids: Vec<ItemId>,
    /// Whether they are in use from now on.
    pub active: bool,
}

/// What became of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemsUsed {
    /// Those that changed.
    pub changed: Vec<ItemId>,
    /// Whether they are in use now.
    pub active: bool,
}

impl Command for UseItems {
    const NEEDS: Permission = Permission::ItemWrite;
    type Out = ItemsUsed;

    async fn run(self, tx: &mut Tx) -> Result<ItemsUsed> {
        if self.ids.is_empty() {
            return Err(Error::field("ids", "lines.needed"));
        }
        if self.ids.len() > MOST {
            return Err(Error::field("ids", "lines.too_many"));
        }
        let (tenant, ids) = (tx.tenant().uuid(), self.ids.iter().map(|id| id.uuid()).collect::<Vec<_>>());
        // Locked in one order, so that two who pick the same items wait for each other.
        let rows = sqlx::query!(
            r#"WITH picked AS (
                SELECT i.id, i.name, i.active FROM catalog.item i WHERE i.tenant_id = $1 AND i.id = ANY ($2) ORDER BY i.id FOR UPDATE
            ), changed AS (
                UPDATE catalog.item i SET active = $3, version = i.version + 1 FROM picked p
                WHERE i.tenant_id = $1 AND i.id = p.id AND p.active <> $3
            )
            SELECT id, name, active FROM picked"#,
            tenant,
            &ids,
            self.active
        )
        .fetch_all(tx.conn())
        .await?;
        if let Some(unknown) = ids.iter().position(|id| rows.iter().all(|row| row.id != *id)) {
            return Err(Error::field(format!("ids.{unknown}"), "item.unknown"));
        }
        let said = |name: &str, active: bool| json!({ "name": name, "active": active });
        let mut changed = Vec::new();
        for row in rows.iter().filter(|row| row.active != self.active) {
            let id = ItemId::new(row.id);
            tx.log(Change::of("item.changed", "item", id, &said(&row.name, self.active)).from(&said(&row.name, row.active)));
            changed.push(id);
        }
        Ok(ItemsUsed { changed, active: self.active })
    }
}

/// `POST /items/use`: the items that were picked on the list, and the act that was chosen.
pub(crate) async fn picked(cx: Cx, typed: Fields) -> Result<Reply> {
    let ids = typed.every("id").map(|id| id.parse().map_err(|_| Error::field("id", "item.unknown"))).collect::<Result<Vec<ItemId>>>()?;
    let active = match typed.get("act") {
        "use" => true,
        "retire" => false,
        _ => return Err(Error::field("act", "choice.unknown")),
    };
    // With nothing picked there is nothing to say.
    if ids.is_empty() {
        return Ok(Reply::see(cx.link("/items", &[])));
    }
    match cx.submit(&typed, Ok(UseItems { ids, active })).await? {
        Ok(_) => Ok(Reply::see(cx.link("/items", &[("done", Some(typed.get("intent")))]))),
        Err(refused) => Err(refused.error),
    }
}

/// What may be done with several items of the list.
pub(crate) fn acts(cx: &Cx) -> Bulk {
    let act = |value: &str, label: &str| (value.to_owned(), t(label), Weight::Quiet);
    Bulk { action: cx.link("/items/use", &[]), guard: cx.guard(), acts: vec![act("retire", "item-retire"), act("use", "item-use-again")] }
}

/// What was just done with several items, as the kept answer says it, and the way back.
pub(crate) async fn done(cx: &Cx, tx: &mut Tx) -> Result<Option<Toast>> {
    let Some(intent) = cx.param("done").and_then(|id| id.parse::<Uuid>().ok()) else { return Ok(None) };
    let kept = db::kept_answer(tx, intent).await?.and_then(|answer| serde_json::from_value::<ItemsUsed>(answer).ok());
    Ok(kept.map(|done| {
        let ids = done.changed.iter().map(|id| ("id".to_owned(), id.to_string()));
        let back = if done.active { "retire" } else { "use" };
        let fields: Vec<_> = ids.chain([("act".to_owned(), back.to_owned())]).collect();
        let undo = Act { fields, ..Act::new(ui::words::UNDO, cx.link("/items/use", &[]), cx.guard()) };
        let said = if done.active { "items-used-again" } else { "items-taken-out" };
        Toast { text: tf(said, &[("n", &done.changed.len().to_string())]), undo: (!done.changed.is_empty()).then_some(undo) }
    }))
}
