//! What the hub keeps of a key, and what people see of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::MalformedKey;
use crate::fields::Field;
use crate::from_text::from_text;
use crate::schema::inline_schema;

/// SHA-256 of a key: the form in which keys are stored, looked up and compared.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key's whole text.
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The raw 32 bytes, for a store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The 32 bytes, as a key of a map.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Reads a stored hash; `None` unless there are exactly 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The short form that people see.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut digits = [0; 12];
        hex::encode_to_slice(&self.0[..6], &mut digits)
            .unwrap_or_else(|_| unreachable!("two digits a byte"));
        Fingerprint(digits)
    }

    /// All 64 hex digits, the form in which a caller registers a key.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Compares in constant time, so an attacker who measures the time learns nothing about the hash.
impl PartialEq for KeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for KeyHash {}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({})", self.fingerprint())
    }
}

impl FromStr for KeyHash {
    type Err = MalformedKey;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| MalformedKey("SHA-256"))?;
        Ok(Self(bytes))
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(KeyHash, {
    "type": "string", "pattern": "^[0-9a-fA-F]{64}$",
    "examples": ["2b1b0b0bd4fa1c0e9a8e2f1d7c5a4b3928171605f4e3d2c1b0a9f8e7d6c5b4a3"]
});

impl Field for KeyHash {
    const EXPECTED: &'static str = "must be a SHA-256 in 64 hex digits";
}

/// The first 12 hex digits of a key's SHA-256: it identifies the key without revealing it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 12]);

impl Fingerprint {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_else(|_| unreachable!("hex digits are ASCII"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = MalformedKey;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: [u8; 12] =
            text.as_bytes().try_into().map_err(|_| MalformedKey("fingerprint"))?;
        let are_hex = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        are_hex.then_some(Self(digits)).ok_or(MalformedKey("fingerprint"))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

inline_schema!(Fingerprint, {
    "type": "string", "pattern": "^[0-9a-f]{12}$", "examples": ["3f9a1c0e9a8e"]
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::LicenseKey;

    #[test]
    fn hash_and_fingerprint_are_those_of_sha256sum() {
        // printf %s lb_inst_00000000000000000000000000000000 | sha256sum
        let key = LicenseKey::parse("lb_inst_00000000000000000000000000000000").unwrap();
        let by_hand = hex::encode(Sha256::digest("lb_inst_00000000000000000000000000000000"));
        assert_eq!(key.hash().to_hex(), by_hand);
        assert_eq!(key.hash().fingerprint().as_str(), &by_hand[..12]);
        assert_eq!(by_hand.parse::<KeyHash>().unwrap(), key.hash());
        assert_eq!(by_hand.to_uppercase().parse::<KeyHash>().unwrap(), key.hash());
        assert!("00".parse::<KeyHash>().is_err());
    }

    #[test]
    fn a_fingerprint_is_twelve_hex_digits() {
        let read = |text: &str| serde_json::from_value::<Fingerprint>(text.into());
        let fingerprint = read("3f9a1c0e9a8e").unwrap();
        assert_eq!(fingerprint.as_str(), "3f9a1c0e9a8e");
        assert_eq!(serde_json::to_value(&fingerprint).unwrap(), "3f9a1c0e9a8e");
        for wrong in
            ["", "3f9a1c0e9a8", "3f9a1c0e9a8e0", "3F9A1C0E9A8E", "3f9a1c0e9a8g", "ü2345678901"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
