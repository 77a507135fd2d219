//! ES256: ECDSA over P-256 with SHA-256 (RFC 7518 §3.4), for access tokens and for the trail's checkpoints.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Error, Result};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Bytes of a signature: r and s.
pub const SIGNATURE: usize = 64;
/// Bytes of a public point: 4, x, y.
const POINT: usize = 65;

/// A private key.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public().kid())
    }
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<Self> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| Error::Internal("no signing key could be made".into()))?;
        Self::from_pkcs8(document.as_ref())
    }

    /// A key as [`Self::pkcs8`] gives it.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes)
            .map_err(|e| Error::Internal(format!("a signing key can't be read: {e}")))?;
        Ok(Self { pair, pkcs8: Zeroizing::new(bytes.to_vec()) })
    }

    /// The private key, to be sealed by the keyring.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE]> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| Error::Internal("signing failed".into()))?;
        signature.as_ref().try_into().map_err(|_| Error::Internal("a signature of another length".into()))
    }

    /// What others verify with.
    pub fn public(&self) -> PublicKey {
        let mut point = [0; POINT];
        point.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(point)
    }
}

/// A public key: a point of P-256, uncompressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey([u8; POINT]);

/// Bytes that are no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UntrustedKey;

impl PublicKey {
    /// A key as [`Self::bytes`] gives it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UntrustedKey> {
        match <[u8; POINT]>::try_from(bytes) {
            Ok(point) if point[0] == 4 => Ok(Self(point)),
            _ => Err(UntrustedKey),
        }
    }

    /// The point.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a signature is this key's.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0).verify(message, signature).is_ok()
    }

    /// x and y in base64url, as a JSON Web Key has them.
    pub fn coordinates(&self) -> (String, String) {
        (URL_SAFE_NO_PAD.encode(&self.0[1..33]), URL_SAFE_NO_PAD.encode(&self.0[33..]))
    }

    /// The key's id: the thumbprint of RFC 7638, so that an id can't be given to two keys.
    pub fn kid(&self) -> String {
        let (x, y) = self.coordinates();
        URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let (mine, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let signature = mine.sign(b"entry 7").unwrap();
        assert!(mine.public().verify(b"entry 7", &signature));
        assert!(!mine.public().verify(b"entry 8", &signature));
        assert!(!other.public().verify(b"entry 7", &signature));
        let again = SigningKey::from_pkcs8(mine.pkcs8()).unwrap();
        assert_eq!(again.public(), mine.public());
        assert_eq!(PublicKey::from_bytes(mine.public().bytes()), Ok(mine.public()));
        assert_eq!(PublicKey::from_bytes(b"4"), Err(UntrustedKey));
    }

    #[test]
    fn a_kid_is_the_thumbprint() {
        // The point of RFC 7515, appendix A.3; its thumbprint computed by hand from RFC 7638's text.
        let x = URL_SAFE_NO_PAD.decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").unwrap();
        let y = URL_SAFE_NO_PAD.decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").unwrap();
        let key = PublicKey::from_bytes(&[[4].as_slice(), &x, &y].concat()).unwrap();
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, key.coordinates().0, key.coordinates().1);
        assert_eq!(key.coordinates().0, "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        assert_eq!(key.kid(), URL_SAFE_NO_PAD.encode(Sha256::digest(text)));
    }
}
