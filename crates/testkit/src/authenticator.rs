//! An authenticator that a story holds in its hand (WebAuthn §6), so that it can be made to lie.

use std::cell::Cell;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vault::SigningKey;

use crate::{HOST, Story};

/// The person was there, and was verified.
const SURE: u8 = 0b101;

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A string of bytes in CBOR.
fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0x59, length[0], length[1]], bytes].concat()
}

/// An authenticator with one passkey. What it says of itself can be changed.
#[derive(Debug)]
pub struct Authenticator {
    /// The passkey.
    pub key: SigningKey,
    /// The passkey's id.
    pub id: [u8; 16],
    /// Whose it says it is: the handle that it was made for.
    pub person: String,
    /// How often it says that it signed.
    pub signs: Cell<u32>,
    /// The site that it says asked for it.
    pub origin: String,
    /// The name that it is tied to.
    pub name: String,
    /// Whether it says that a person was there, and was verified.
    pub flags: u8,
}

impl Authenticator {
    /// One without a passkey yet.
    pub fn new(story: &Story) -> Self {
        Self {
            key: SigningKey::generate().unwrap(),
            id: story.clock.bytes(),
            person: String::new(),
            signs: Cell::new(0),
            origin: format!("http://{HOST}"),
            name: HOST.into(),
            flags: SURE,
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false }).to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let named: [u8; 32] = Sha256::digest(&self.name).into();
        [named.as_slice(), &[flags], &self.signs.get().to_be_bytes()].concat()
    }

    /// Makes its passkey, as the options of `register/begin` ask.
    pub fn make(&mut self, options: &Value) -> Value {
        assert_eq!(
            (options["rp"]["id"].as_str(), options["authenticatorSelection"]["residentKey"].as_str()),
            (Some(HOST), Some("required"))
        );
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        self.person = options["user"]["id"].as_str().unwrap().to_owned();
        let (x, y) = self.key.public().coordinates();
        let coordinate = |text: &str| [&[0x58, 32], URL_SAFE_NO_PAD.decode(text).unwrap().as_slice()].concat();
        // COSE: EC2, ES256, P-256, x, y.
        let cose = [&[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21][..], &coordinate(&x), &[0x22], &coordinate(&y)].concat();
        let data = [self.data(self.flags | 0x40), vec![0; 16], vec![0, 16], self.id.to_vec(), cose].concat();
        let attested = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData".as_slice(), &cbor_bytes(&data)].concat();
        json!({ "id": base64(&self.id), "rawId": base64(&self.id), "type": "public-key", "clientExtensionResults": {}, "response": {
            "attestationObject": base64(&attested), "clientDataJSON": base64(&self.client_data("webauthn.create", options)), "transports": ["internal"] } })
    }

    /// Shows it, as the options of `login/begin` ask.
    pub fn show(&self, options: &Value) -> Value {
        let (data, client) = (self.data(self.flags), self.client_data("webauthn.get", options));
        let signature = self.key.sign(&[data.as_slice(), <[u8; 32]>::from(Sha256::digest(&client)).as_slice()].concat()).unwrap();
        json!({ "id": base64(&self.id), "rawId": base64(&self.id), "type": "public-key", "clientExtensionResults": {}, "response": {
            "authenticatorData": base64(&data), "clientDataJSON": base64(&client), "signature": base64(&der(&signature)),
            "userHandle": self.person } })
    }
}

/// An ES256 signature as ASN.1 writes it.
fn der(signature: &[u8]) -> Vec<u8> {
    let number = |half: &[u8]| {
        let start = half.iter().position(|byte| *byte != 0).unwrap();
        let sign = if half[start] & 0x80 == 0 { &[][..] } else { &[0][..] };
        let body = [sign, &half[start..]].concat();
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let both = [number(&signature[..32]), number(&signature[32..])].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()], both.as_slice()].concat()
}
