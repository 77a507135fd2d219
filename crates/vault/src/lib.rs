//! What must not be read by whoever reads the database: a ring of AES-256-GCM keys that seals it, and ES256 keys that sign.

mod keyring;
mod sign;

pub use keyring::{BadKeys, Keyring, SPREAD, new_line};
pub use sign::{PublicKey, SIGNATURE, SigningKey, UntrustedKey};
