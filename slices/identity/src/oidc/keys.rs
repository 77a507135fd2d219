//! Public keys of others (RFC 7517), kept for a while, and tokens held against them. Which algorithms count is said by the
//! configuration; what a token says of itself only chooses among them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use kernel::{At, Error, Result};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use web::App;

use crate::outside;

/// Seconds for which kept keys are used without asking.
const FRESH: i64 = 10 * 60;
/// Seconds between two questions, whatever tokens come meanwhile.
const APART: i64 = 60;
/// Seconds for which kept keys are used while their server does not answer.
const STALE: i64 = 3600;
/// Keys of one server at most.
const MOST: usize = 100;
/// The longest token that is read, in bytes.
const LENGTH: usize = 16 * 1024;
/// The shortest modulus of RSA that counts, in bytes.
const MODULUS: usize = 256;

/// Keys by the address that they come from.
#[derive(Default)]
pub(crate) struct KeySets(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Kept>>>>);

#[derive(Default)]
struct Kept {
    keys: Vec<Jwk>,
    read_at: Option<At>,
    asked_at: Option<At>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Whose tokens are taken, and how they must be made.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub jwks_url: &'a str,
    pub algorithms: &'a [Algorithm],
}

/// Whether a moment is at least so many seconds ago.
fn past(at: Option<At>, seconds: i64, now: At) -> bool {
    at.is_none_or(|at| at.plus_seconds(seconds) <= now)
}

impl Kept {
    /// Asks for the keys; those that were read before stay when nobody answers.
    async fn ask(&mut self, app: &App, url: &str, now: At) -> Result<()> {
        self.asked_at = Some(now);
        let set: Set = outside::get(app, "the key server", url).await?;
        // What this program can't read may be meant for others.
        self.keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).take(MOST).collect();
        self.read_at = Some(now);
        Ok(())
    }

    /// The key of a token.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| fits(key, algorithm));
        let found = match kid {
            Some(kid) => fitting.find(|key| key.common.key_id.as_deref() == Some(kid)),
            // Without a name there is no choice among several.
            None => fitting.next().filter(|_| fitting.next().is_none()),
        };
        found.and_then(|key| DecodingKey::from_jwk(key).ok())
    }
}

/// Whether a key may verify by an algorithm: of its kind, for signatures, long enough, and for no other algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => rsa.n.trim_end_matches('=').len() * 3 / 4 >= MODULUS,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let signs = key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    kind && signs && key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"))
}

impl KeySets {
    fn of(&self, url: &str) -> Arc<tokio::sync::Mutex<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(url.to_owned()).or_default().clone()
    }

    /// The key of a token: from those that are kept, and, once a minute, from the server when it is not among them.
    async fn key(&self, app: &App, url: &str, kid: Option<&str>, algorithm: Algorithm) -> Result<Option<DecodingKey>> {
        let now = app.db().source().now();
        let kept = self.of(url);
        let mut kept = kept.lock().await;
        if past(kept.read_at, FRESH, now)
            && past(kept.asked_at, APART, now)
            && let Err(error) = kept.ask(app, url, now).await
            && past(kept.read_at, STALE, now)
        {
            return Err(error);
        }
        if past(kept.read_at, STALE, now) {
            return Err(outside::silent("the key server", "it did not answer lately"));
        }
        if let Some(key) = kept.find(kid, algorithm) {
            return Ok(Some(key));
        }
        if past(kept.asked_at, APART, now) {
            // What is kept goes on when nobody answers.
            let _ = kept.ask(app, url, now).await;
        }
        Ok(kept.find(kid, algorithm))
    }
}

/// Verifies a token's signature, issuer and audience; its times are the caller's. None where it is not right.
pub(crate) async fn verify<T: DeserializeOwned>(app: &App, expected: Expected<'_>, text: &str) -> Result<Option<T>> {
    if text.len() > LENGTH {
        return Ok(None);
    }
    let Ok(header) = jsonwebtoken::decode_header(text) else { return Ok(None) };
    // Extensions that must be understood are not understood.
    if !expected.algorithms.contains(&header.alg) || header.crit.is_some() {
        return Ok(None);
    }
    let Some(key) = app.part::<KeySets>().key(app, expected.jwks_url, header.kid.as_deref(), header.alg).await? else { return Ok(None) };
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[expected.issuer]);
    rules.set_audience(&[expected.audience]);
    rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // Held against the program's clock by the caller.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    Ok(jsonwebtoken::decode::<T>(text, &key, &rules).ok().map(|token| token.claims))
}

/// The algorithms of names that a configuration lists.
pub(crate) fn algorithms(names: &[String]) -> Result<Vec<Algorithm>> {
    let one = |name: &String| match name.as_str() {
        "RS256" => Ok(Algorithm::RS256),
        "ES256" => Ok(Algorithm::ES256),
        "EdDSA" => Ok(Algorithm::EdDSA),
        other => Err(Error::Internal(format!("{other} is no algorithm that is taken"))),
    };
    names.iter().map(one).collect()
}

/// True or false, which some providers write as words.
pub(crate) fn truth<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(value.as_bool().unwrap_or_else(|| value.as_str() == Some("true")))
}
