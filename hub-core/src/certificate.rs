//! Certificates: what a license allows, signed, so that it verifies without the hub. A certificate is a
//! JWT (RFC 7519) signed with Ed25519 (RFC 8037).
//!
//! This room writes and reads the text. It signs nothing and verifies no signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::key::Fingerprint;
use crate::labels::Entitlements;
use crate::name::InstanceId;

/// The algorithm of every certificate, as JOSE names it.
const ALGORITHM: &str = "EdDSA";

/// What a certificate states. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The hub that issued the certificate.
    pub iss: String,
    /// The instance that holds the license.
    pub sub: InstanceId,
    /// The id of the client that the instance belongs to.
    pub client: String,
    /// When the certificate was issued.
    pub iat: i64,
    /// When the certificate ends. It never outlives the license and its grace period.
    pub exp: i64,
    /// The features that the license includes.
    pub entitlements: Entitlements,
    /// The fingerprint of the license key.
    pub lic: Fingerprint,
}

/// The keys that verify certificates (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JwkSet {
    /// Every key that a certificate may still be signed with.
    pub keys: Vec<Jwk>,
}

/// A public key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// Always `EdDSA`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The name of the key: its thumbprint (RFC 7638).
    pub kid: String,
    /// The 32 bytes of the key in base64url.
    pub x: String,
}

impl Jwk {
    /// The JWK of a public key.
    #[must_use]
    pub fn of(public_key: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public_key);
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            alg: ALGORITHM.to_owned(),
            usage: "sig".to_owned(),
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(members)),
            x,
        }
    }

    /// The bytes of the key; `None` when it is no Ed25519 key.
    #[must_use]
    pub fn public_key(&self) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.x).ok()?;
        (self.kty == "OKP" && self.crv == "Ed25519" && bytes.len() == 32).then_some(bytes)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: String,
}

/// The part of a certificate that is signed.
#[must_use]
pub fn message(kid: &str, claims: &Claims) -> String {
    let header =
        Header { alg: ALGORITHM.to_owned(), typ: Some("JWT".to_owned()), kid: kid.to_owned() };
    format!("{}.{}", part(&header), part(claims))
}

fn part(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value);
    URL_SAFE_NO_PAD.encode(json.unwrap_or_else(|_| unreachable!("texts and numbers are JSON")))
}

/// The whole certificate.
#[must_use]
pub fn signed(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A certificate whose signature nobody has verified yet.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// The name of the key that is to verify it.
    pub kid: String,
    /// The part that is signed.
    pub message: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    /// What the certificate states, if the signature verifies.
    pub claims: Claims,
}

/// The text is not a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate of a hub")]
pub struct MalformedCertificate;

impl<'a> Unverified<'a> {
    /// Takes a certificate apart.
    ///
    /// # Errors
    /// [`MalformedCertificate`], also for another algorithm than `EdDSA`.
    pub fn parse(text: &'a str) -> Result<Self, MalformedCertificate> {
        let (message, signature) = text.rsplit_once('.').ok_or(MalformedCertificate)?;
        let (header, claims) = message.split_once('.').ok_or(MalformedCertificate)?;
        let header: Header = read(header)?;
        if header.alg != ALGORITHM {
            return Err(MalformedCertificate);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| MalformedCertificate)?;
        Ok(Self { kid: header.kid, message, signature, claims: read(claims)? })
    }
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, MalformedCertificate> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| MalformedCertificate)?;
    serde_json::from_slice(&json).map_err(|_| MalformedCertificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::LicenseKey;

    /// The key and the thumbprint of RFC 8037, appendix A.
    #[test]
    fn the_name_of_a_key_is_its_thumbprint() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = Jwk::of(&URL_SAFE_NO_PAD.decode(x).unwrap());
        assert_eq!(jwk.x, x);
        assert_eq!(jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(jwk.public_key().unwrap().len(), 32);
    }

    #[test]
    fn a_certificate_is_read_as_it_was_written() {
        let claims = Claims {
            iss: "letsbe-hub".to_owned(),
            sub: "acme-1".parse().unwrap(),
            client: "0191d6a0-0000-7000-8000-000000000000".to_owned(),
            iat: 1,
            exp: 2,
            entitlements: Entitlements::new(["sso".to_owned()]).unwrap(),
            lic: LicenseKey::parse("lb_inst_00000000000000000000000000000000")
                .unwrap()
                .hash()
                .fingerprint(),
        };
        let text = signed(&message("k", &claims), &[7; 64]);
        let read = Unverified::parse(&text).unwrap();
        assert_eq!((read.kid.as_str(), &read.claims), ("k", &claims));
        assert_eq!(
            (read.signature.as_slice(), read.message),
            (&[7; 64][..], &*message("k", &claims))
        );
    }

    #[test]
    fn another_algorithm_is_refused() {
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k"}"#);
        for text in ["", "a.b", "a.b.c", &format!("{none}.e30."), &format!("{none}.e30.AA")] {
            assert_eq!(Unverified::parse(text).unwrap_err(), MalformedCertificate, "{text}");
        }
    }
}
