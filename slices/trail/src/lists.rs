//! The lists: the trail and the activity of a business, and the same of all for the operator.

use db::list::{Column, Filter, Kind, List, Sort};
use kernel::Permission;
use web::Routes;

/// What changed, newest first.
pub(crate) static TRAIL: List = List {
    name: "trail",
    sql: "SELECT l.id, l.n, l.at, l.action, l.actor_kind, l.actor_id, coalesce(b.who, m.name, l.actor_name) AS who, l.kind, l.target_id,
            coalesce(d.number, CASE WHEN jsonb_typeof(l.after -> 'name') = 'string' THEN l.after ->> 'name' END) AS target, l.reason, l.address, l.request_id,
            l.before::text AS before, l.after::text AS after
        FROM db.trail l
        LEFT JOIN identity.member m ON m.tenant_id = l.tenant_id AND m.account_id = l.actor_id
        LEFT JOIN identity.on_behalf b ON b.tenant_id = l.tenant_id AND b.id = CASE WHEN l.actor_kind = 'support' THEN l.actor_name::uuid END
        LEFT JOIN db.number d ON d.tenant_id = l.tenant_id AND d.document_id = l.target_id
        WHERE l.tenant_id = $1",
    columns: TRAIL_COLUMNS,
    filters: &[
        ACTION,
        KIND,
        ACTOR,
        TARGET,
        ADDRESS,
        FROM,
        TO,
        Filter {
            name: "q",
            // The first things found, as a list that is ready before the log is read: the planner then goes by their entries.
            sql: "target_id = ANY (ARRAY(
                (SELECT w.target_id FROM trail.word w WHERE w.tenant_id = $1 AND w.word >= lower({}) COLLATE \"C\" AND w.word < (lower({}) || chr(1114111)) COLLATE \"C\"
                    ORDER BY w.word LIMIT 200)
                UNION ALL
                (SELECT f.document_id FROM db.number f WHERE f.tenant_id = $1 AND f.number COLLATE \"C\" >= upper({}) AND f.number COLLATE \"C\" < upper({}) || chr(1114111)
                    ORDER BY f.number COLLATE \"C\" DESC LIMIT 200)))",
            kind: Kind::Text,
        },
    ],
    sorts: BY_TIME,
    newest_first: true,
    key: "id",
};

/// The columns that the trail has everywhere. `before` and `after` are read by the export and by one entry.
const TRAIL_COLUMNS: &[Column] = &[
    Column::hidden("id", Kind::Id),
    Column::hidden("n", Kind::Whole),
    Column::shown("at", Kind::Time, "trail-at"),
    Column::shown("action", Kind::Text, "trail-action"),
    Column::shown("kind", Kind::Text, "trail-kind"),
    Column::shown("target", Kind::Text, "trail-target"),
    Column::hidden("target_id", Kind::Id),
    Column::shown("who", Kind::Text, "trail-who"),
    Column::hidden("actor_kind", Kind::Text),
    Column::hidden("actor_id", Kind::Id),
    Column::shown("reason", Kind::Text, "trail-reason"),
    Column::shown("address", Kind::Text, "trail-address"),
    Column::hidden("request_id", Kind::Id),
];

/// What happened, newest first.
pub(crate) static ACTIVITY: List = List {
    name: "activity",
    sql: "SELECT l.id, l.at, l.action, l.actor_kind, l.actor_id, coalesce(b.who, m.name, l.actor_name) AS who, l.kind, l.target_id, l.address, l.request_id,
            l.detail::text AS detail,
            (SELECT string_agg(e.key || ': ' || e.value, ', ') FROM jsonb_each_text(CASE WHEN jsonb_typeof(l.detail) = 'object' THEN l.detail END) e) AS details
        FROM db.activity l
        LEFT JOIN identity.member m ON m.tenant_id = l.tenant_id AND m.account_id = l.actor_id
        LEFT JOIN identity.on_behalf b ON b.tenant_id = l.tenant_id AND b.id = CASE WHEN l.actor_kind = 'support' THEN l.actor_name::uuid END
        WHERE l.tenant_id = $1",
    columns: ACTIVITY_COLUMNS,
    filters: &[ACTION, KIND, ACTOR, TARGET, ADDRESS, FROM, TO],
    sorts: BY_TIME,
    newest_first: true,
    key: "id",
};

const ACTIVITY_COLUMNS: &[Column] = &[
    Column::hidden("id", Kind::Id),
    Column::shown("at", Kind::Time, "trail-at"),
    Column::shown("action", Kind::Text, "trail-action"),
    Column::shown("who", Kind::Text, "trail-who"),
    Column::hidden("actor_kind", Kind::Text),
    Column::hidden("actor_id", Kind::Id),
    Column::hidden("kind", Kind::Text),
    Column::hidden("target_id", Kind::Id),
    Column::shown("address", Kind::Text, "trail-address"),
    Column::shown("details", Kind::Text, "trail-detail"),
    Column::hidden("detail", Kind::Text),
    Column::hidden("request_id", Kind::Id),
];

/// What changed anywhere, for the operator.
pub(crate) static ALL_TRAIL: List = List {
    name: "audit-logs",
    sql: "SELECT l.id, l.n, l.tenant_id, t.slug AS business, l.at, l.action, l.actor_kind, l.actor_id, coalesce(b.who, a.email, l.actor_name) AS who,
            l.kind, l.target_id, d.number AS target, l.reason, l.address, l.request_id, l.before::text AS before, l.after::text AS after
        FROM db.log l
        JOIN db.tenant t ON t.id = l.tenant_id
        LEFT JOIN identity.account a ON a.id = l.actor_id
        LEFT JOIN identity.on_behalf b ON b.tenant_id = l.tenant_id AND b.id = CASE WHEN l.actor_kind = 'support' THEN l.actor_name::uuid END
        LEFT JOIN db.number d ON d.tenant_id = l.tenant_id AND d.document_id = l.target_id
        WHERE $1::uuid IS NOT NULL",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::hidden("n", Kind::Whole),
        Column::hidden("tenant_id", Kind::Id),
        Column::shown("at", Kind::Time, "trail-at"),
        Column::shown("business", Kind::Text, "trail-business"),
        Column::shown("action", Kind::Text, "trail-action"),
        Column::shown("kind", Kind::Text, "trail-kind"),
        Column::shown("target", Kind::Text, "trail-target"),
        Column::hidden("target_id", Kind::Id),
        Column::shown("who", Kind::Text, "trail-who"),
        Column::hidden("actor_kind", Kind::Text),
        Column::hidden("actor_id", Kind::Id),
        Column::shown("reason", Kind::Text, "trail-reason"),
        Column::shown("address", Kind::Text, "trail-address"),
        Column::hidden("request_id", Kind::Id),
    ],
    filters: ACROSS_TRAIL,
    sorts: BY_TIME,
    newest_first: true,
    key: "id",
};

/// What happened anywhere, for the operator.
pub(crate) static ALL_ACTIVITY: List = List {
    name: "activity-of-all",
    sql: "SELECT l.id, l.tenant_id, t.slug AS business, l.at, l.action, l.actor_kind, l.actor_id, coalesce(b.who, a.email, l.actor_name) AS who, l.kind, l.target_id, l.address,
            l.request_id, l.detail::text AS detail,
            (SELECT string_agg(e.key || ': ' || e.value, ', ') FROM jsonb_each_text(CASE WHEN jsonb_typeof(l.detail) = 'object' THEN l.detail END) e) AS details
        FROM db.activity l
        JOIN db.tenant t ON t.id = l.tenant_id
        LEFT JOIN identity.account a ON a.id = l.actor_id
        LEFT JOIN identity.on_behalf b ON b.tenant_id = l.tenant_id AND b.id = CASE WHEN l.actor_kind = 'support' THEN l.actor_name::uuid END
        WHERE $1::uuid IS NOT NULL",
    columns: &[
        Column::hidden("id", Kind::Id),
        Column::hidden("tenant_id", Kind::Id),
        Column::shown("at", Kind::Time, "trail-at"),
        Column::shown("business", Kind::Text, "trail-business"),
        Column::shown("action", Kind::Text, "trail-action"),
        Column::shown("who", Kind::Text, "trail-who"),
        Column::hidden("actor_kind", Kind::Text),
        Column::hidden("actor_id", Kind::Id),
        Column::hidden("kind", Kind::Text),
        Column::hidden("target_id", Kind::Id),
        Column::shown("address", Kind::Text, "trail-address"),
        Column::shown("details", Kind::Text, "trail-detail"),
    Column::hidden("detail", Kind::Text),
        Column::hidden("request_id", Kind::Id),
    ],
    filters: ACROSS,
    sorts: BY_TIME,
    newest_first: true,
    key: "id",
};

const ACTION: Filter = Filter { name: "action", sql: "action = {}", kind: Kind::Text };
const KIND: Filter = Filter { name: "kind", sql: "kind = {}", kind: Kind::Text };
const ACTOR: Filter = Filter { name: "actor", sql: "actor_id = {}", kind: Kind::Id };
const TARGET: Filter = Filter { name: "target", sql: "target_id = {}", kind: Kind::Id };
const ADDRESS: Filter = Filter { name: "address", sql: "address = {}", kind: Kind::Text };
/// Days begin at midnight by the business's clock.
const FROM: Filter = Filter {
    name: "from",
    sql: "at >= ({}::timestamp AT TIME ZONE (SELECT z.time_zone FROM db.tenant z WHERE z.id = $1))",
    kind: Kind::Day,
};
const TO: Filter = Filter {
    name: "to",
    sql: "at < (({} + 1)::timestamp AT TIME ZONE (SELECT z.time_zone FROM db.tenant z WHERE z.id = $1))",
    kind: Kind::Day,
};

/// In whichever business; `$1` is the platform, whose clock is UTC. Last stand the words of what the log speaks of.
pub(crate) const ACROSS_TRAIL: &[Filter] = &[
    Filter { name: "business", sql: "tenant_id = (SELECT b.id FROM db.tenant b WHERE b.slug = {})", kind: Kind::Text },
    ACTION,
    KIND,
    ACTOR,
    TARGET,
    ADDRESS,
    FROM,
    TO,
    Filter {
        name: "q",
        sql: "(tenant_id, target_id) IN (
            SELECT w.tenant_id, w.target_id FROM trail.word w WHERE w.word >= lower({}) COLLATE \"C\" AND w.word < (lower({}) || chr(1114111)) COLLATE \"C\"
            ORDER BY w.word LIMIT 1000)",
        kind: Kind::Text,
    },
];

/// The same of the activity, which speaks of nothing by name.
const ACROSS: &[Filter] = ACROSS_TRAIL.split_at(ACROSS_TRAIL.len() - 1).0;

const BY_TIME: &[Sort] = &[Sort { name: "at", column: "at", kind: Kind::Time }];

pub(crate) fn routes(routes: &mut Routes) {
    routes.list("GET /v1/trail", Permission::TrailRead, &TRAIL);
    routes.list("GET /v1/activity", Permission::TrailRead, &ACTIVITY);
}
