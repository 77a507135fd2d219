//! The hash of an entry: SHA-256 over the hash before it and every column, each in one unmistakable form.

use kernel::At;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What is hashed begins with its purpose, so that no hash of one kind is ever one of another.
const ENTRY: &[u8] = b"hearth trail entry 1\n";
const GENESIS: &[u8] = b"hearth trail genesis 1\n";

/// The hash before a tenant's first chained entry. It binds the chain to its tenant and to where the chain begins.
pub fn genesis(tenant: Uuid, chained_after: i64) -> Hash {
    let mut hash = Sha256::new();
    hash.update(GENESIS);
    hash.update(tenant.as_bytes());
    hash.update(chained_after.to_be_bytes());
    hash.finalize().into()
}

/// An entry of the log with all that its hash covers. `before` and `after` are PostgreSQL's own text of the jsonb.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of db.log")]
pub struct Chained {
    pub tenant_id: Uuid,
    pub n: i64,
    pub id: Uuid,
    pub at: At,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: Option<String>,
    pub request_id: Uuid,
    pub address: Option<String>,
    pub action: String,
    pub kind: String,
    pub target_id: Uuid,
    pub before: Option<String>,
    pub after: Option<String>,
    pub reason: Option<String>,
    /// The hash kept with the entry; none before the chain began.
    pub hash: Option<Vec<u8>>,
}

impl Chained {
    /// The hash that this entry must have after one with the hash `previous`. Every field is preceded by its presence and
    /// its length, so that no two entries are written alike; times are whole microseconds since 1970.
    pub fn hashed(&self, previous: &Hash) -> Hash {
        let mut hash = Sha256::new();
        hash.update(ENTRY);
        hash.update(previous);
        let mut field = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => {
                hash.update([1]);
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
            None => hash.update([0]),
        };
        field(Some(self.tenant_id.as_bytes()));
        field(Some(&self.n.to_be_bytes()));
        field(Some(self.id.as_bytes()));
        field(Some(&self.at.micros().to_be_bytes()));
        field(Some(self.actor_kind.as_bytes()));
        field(self.actor_id.as_ref().map(|id| id.as_bytes().as_slice()));
        field(self.actor_name.as_deref().map(str::as_bytes));
        field(Some(self.request_id.as_bytes()));
        field(self.address.as_deref().map(str::as_bytes));
        field(Some(self.action.as_bytes()));
        field(Some(self.kind.as_bytes()));
        field(Some(self.target_id.as_bytes()));
        field(self.before.as_deref().map(str::as_bytes));
        field(self.after.as_deref().map(str::as_bytes));
        field(self.reason.as_deref().map(str::as_bytes));
        hash.finalize().into()
    }
}

/// A hash as people compare it.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Chained {
        let id = Uuid::from_u128;
        Chained {
            tenant_id: id(1),
            n: 7,
            id: id(2),
            at: At::from_micros(1_795_251_600_000_001),
            actor_kind: "account".into(),
            actor_id: Some(id(3)),
            actor_name: None,
            request_id: id(4),
            address: Some("192.0.2.1".into()),
            action: "order.paid".into(),
            kind: "order".into(),
            target_id: id(5),
            before: None,
            after: Some(r#"{"total": 320}"#.into()),
            reason: None,
            hash: None,
        }
    }

    #[test]
    fn no_column_can_change_and_keep_the_hash() {
        let first = genesis(Uuid::from_u128(1), 0);
        let whole = entry().hashed(&first);
        let changes: [fn(&mut Chained); 16] = [
            |e| e.tenant_id = Uuid::nil(),
            |e| e.n += 1,
            |e| e.id = Uuid::nil(),
            |e| e.at = At::from_micros(e.at.micros() + 1),
            |e| e.actor_kind = "program".into(),
            |e| e.actor_id = None,
            |e| e.actor_name = Some(String::new()),
            |e| e.request_id = Uuid::nil(),
            |e| e.address = None,
            |e| e.action.push('x'),
            |e| e.kind.push('x'),
            |e| e.target_id = Uuid::nil(),
            |e| e.before = Some("null".into()),
            |e| e.after = Some(r#"{"total": 321}"#.into()),
            |e| e.reason = Some(String::new()),
            // Letters that move from one field to the next.
            |e| (e.action, e.kind) = ("order.paido".into(), "rder".into()),
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut other = entry();
            change(&mut other);
            assert_ne!(other.hashed(&first), whole, "change {i}");
        }
        assert_ne!(entry().hashed(&genesis(Uuid::from_u128(1), 1)), whole, "another beginning");
        assert_ne!(genesis(Uuid::from_u128(1), 0), genesis(Uuid::from_u128(2), 0));
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        // Computed apart from this program, from the description in docs/operate.md.
        assert_eq!(hex(&genesis(Uuid::from_u128(1), 0)), GENESIS_KNOWN);
        assert_eq!(hex(&entry().hashed(&genesis(Uuid::from_u128(1), 0))), ENTRY_KNOWN);
    }

    const GENESIS_KNOWN: &str = "41d153da79d591e1112797074fbd2ae7c9886d235bd561d6bd1186dca2d64f9a";
    const ENTRY_KNOWN: &str = "3abec325f5104b9481c4a0d1feb2c8860af2228914627895840de46c3c1a872c";
}
