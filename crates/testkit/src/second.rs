//! A second factor for the people of a story, with codes by a generator that is not the program's: RFC 6238 written out.

use serde_json::json;
use sha1::{Digest, Sha1};

use crate::{Person, Story};

/// HMAC of RFC 2104 over SHA-1.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha1::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// The code that an authenticator with this secret (base32) shows so many steps of 30 seconds after 1970.
pub fn code(secret: &str, step: i64) -> String {
    let bits: Vec<u8> = secret
        .bytes()
        .flat_map(|c| {
            let value = match c {
                b'A'..=b'Z' => c - b'A',
                _ => c - b'2' + 26,
            };
            (0..5).rev().map(move |bit| value >> bit & 1)
        })
        .collect();
    let key: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
    let mac = hmac_sha1(&key, &step.to_be_bytes());
    let offset = usize::from(mac[19] & 15);
    let number = u32::from_be_bytes(mac[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

impl Story {
    /// The code that an authenticator with this secret shows so many steps from the story's time.
    pub fn code(&self, secret: &str, steps: i64) -> String {
        code(secret, self.clock.now().micros() / 1_000_000 / 30 + steps)
    }

    /// Somebody sets a second factor up, in the session that they are in; returns the secret and the recovery codes.
    pub async fn second_factor(&self, person: &Person) -> (String, Vec<String>) {
        let begun = person.post("/v1/auth/2fa/enable-init", &json!({})).await.ok().json();
        let secret = begun["secret"].as_str().unwrap().to_owned();
        let codes = person.post("/v1/auth/2fa/enable-complete", &json!({ "code": self.code(&secret, 0) })).await.ok().json();
        let codes = codes["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        (secret, codes)
    }
}
