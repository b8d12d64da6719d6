//! Keys: made from the system's random source, shown once, kept only as a hash.
//!
//! A [`Key`] holds the secret text and is wiped when dropped. It has no `Display` and no
//! `Serialize`; the one way onto the wire is [`Shown`], in the answer that made the key.
//! [`KeyHash`] is the only form that a store accepts.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use rand::TryCryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::fields::Field;

/// What tells one kind of key from another: its prefix and the lengths it may have.
pub trait KeyKind {
    /// The kind's name in messages, such as `license key`.
    const NAME: &'static str;
    /// What every issued key of this kind starts with.
    const PREFIX: &'static str;
    /// Random bytes in an issued key; its hex digits are twice as many.
    const RANDOM_BYTES: usize;
    /// Whether `text` may be a key of this kind, decided without any look-up.
    fn accepts(text: &str) -> bool;
}

/// `lb_inst_` and 32 to 64 lower-case hex digits.
#[derive(Debug)]
pub enum License {}
/// `hk_` and 24 to 64 lower-case hex digits.
#[derive(Debug)]
pub enum Hub {}
/// `lb_admin_` and 32 lower-case hex digits, or a bootstrap key: 32 to 128 visible ASCII characters.
#[derive(Debug)]
pub enum Admin {}

impl KeyKind for License {
    const NAME: &'static str = "license key";
    const PREFIX: &'static str = "lb_inst_";
    const RANDOM_BYTES: usize = 16;
    fn accepts(text: &str) -> bool {
        has_hex_after(text, Self::PREFIX, 32, 64)
    }
}

impl KeyKind for Hub {
    const NAME: &'static str = "hub key";
    const PREFIX: &'static str = "hk_";
    const RANDOM_BYTES: usize = 12;
    fn accepts(text: &str) -> bool {
        has_hex_after(text, Self::PREFIX, 24, 64)
    }
}

impl KeyKind for Admin {
    const NAME: &'static str = "admin key";
    const PREFIX: &'static str = "lb_admin_";
    const RANDOM_BYTES: usize = 16;
    fn accepts(text: &str) -> bool {
        if text.starts_with(Self::PREFIX) {
            return has_hex_after(text, Self::PREFIX, 32, 32);
        }
        (32..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
}

fn has_hex_after(text: &str, prefix: &str, min: usize, max: usize) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        (min..=max).contains(&digits.len())
            && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a text holds what could be a key of any kind, or most of one: a prefix and 16 letters or
/// digits after it. For texts that are kept or logged and where no key belongs.
#[must_use]
pub fn holds_key(text: &str) -> bool {
    [License::PREFIX, Hub::PREFIX, Admin::PREFIX].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let secret = text[at + prefix.len()..].bytes();
            secret.take_while(u8::is_ascii_alphanumeric).count() >= 16
        })
    })
}

/// A secret key of one kind; the text is wiped from memory on drop.
pub struct Key<K> {
    text: Zeroizing<String>,
    kind: PhantomData<fn() -> K>,
}

/// What an operator hands to a client's machine.
pub type LicenseKey = Key<License>;
/// What an activated instance authenticates with.
pub type HubKey = Key<Hub>;
/// What an operator authenticates with.
pub type AdminKey = Key<Admin>;

/// The text is not a key of the kind asked for. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0} in an accepted form")]
pub struct MalformedKey(&'static str);

impl<K: KeyKind> Key<K> {
    /// Makes a new key.
    ///
    /// # Errors
    /// The random source's own; the operating system's fails only when it is unusable.
    pub fn generate<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut random = Zeroizing::new(vec![0_u8; K::RANDOM_BYTES]);
        rng.try_fill_bytes(&mut random)?;
        let digits = Zeroizing::new(hex::encode(&*random));
        let mut text = Zeroizing::new(String::with_capacity(K::PREFIX.len() + digits.len()));
        text.push_str(K::PREFIX);
        text.push_str(&digits);
        Ok(Self { text, kind: PhantomData })
    }

    /// Takes `text` as a key if it has the form of one.
    ///
    /// # Errors
    /// [`MalformedKey`] when it has not.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        if !K::accepts(text) {
            return Err(MalformedKey(K::NAME));
        }
        Ok(Self { text: Zeroizing::new(text.to_owned()), kind: PhantomData })
    }

    /// SHA-256 of the whole key text.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.as_bytes()).into())
    }

    /// The secret itself: for a header, a sink, or the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl<K> Clone for Key<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K: KeyKind> fmt::Debug for Key<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", K::NAME)
    }
}

/// SHA-256 of a key: what is stored, looked up and compared.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
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

    /// The hash that a store gave back; `None` unless it has 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// What people are shown of the key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(hex::encode(&self.0[..6]))
    }

    /// All 64 hex digits, as a caller registers them.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Constant time: an attacker who can time it learns nothing of the hash.
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
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Field for KeyHash {
    const EXPECTED: &'static str = "must be a SHA-256 in 64 hex digits";
}

/// The first 12 hex digits of a key's SHA-256: tells which key it is and reveals nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A key on the wire, in the one answer that shows it.
pub struct Shown<K>(pub Key<K>);

impl<K: KeyKind> fmt::Debug for Shown<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K> Serialize for Shown<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text)
    }
}

impl<'de, K: KeyKind> Deserialize<'de> for Shown<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Key::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

/// A license key as a caller presents it: kept also when malformed, so that the answer to a
/// malformed, an unknown and a deleted key can be the same.
pub struct Presented<K>(pub Result<Key<K>, MalformedKey>);

impl<K: KeyKind> fmt::Debug for Presented<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K> Serialize for Presented<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Ok(key) => serializer.serialize_str(&key.text),
            Err(_) => serializer.serialize_str(""),
        }
    }
}

impl<'de, K: KeyKind> Deserialize<'de> for Presented<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Ok(Self(Key::parse(&text)))
    }
}

impl<K: KeyKind> Field for Presented<K> {
    const EXPECTED: &'static str = "must be a string";
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SysRng;

    #[test]
    fn issued_keys_have_the_documented_form_and_parse() {
        let license = LicenseKey::generate(&mut SysRng).unwrap();
        assert_eq!(license.expose().len(), "lb_inst_".len() + 32);
        assert!(LicenseKey::parse(license.expose()).is_ok());
        let hub = HubKey::generate(&mut SysRng).unwrap();
        assert_eq!(hub.expose().len(), "hk_".len() + 24);
        let admin = AdminKey::generate(&mut SysRng).unwrap();
        assert_eq!(admin.expose().len(), "lb_admin_".len() + 32);
        assert_ne!(hub.hash(), HubKey::generate(&mut SysRng).unwrap().hash());
    }

    #[test]
    fn forms_are_checked_to_the_letter() {
        for (text, license, hub) in [
            ("lb_inst_0123456789abcdef0123456789abcdef", true, false),
            ("lb_inst_0123456789abcdef0123456789abcdef01234567", true, false),
            ("lb_inst_0123456789abcdef0123456789abcde", false, false),
            ("lb_inst_0123456789ABCDEF0123456789ABCDEF", false, false),
            ("hk_0123456789abcdef01234567", false, true),
            ("hk_0123456789abcdef0123456", false, false),
            (" hk_0123456789abcdef01234567", false, false),
            ("hk_0123456789abcdef01234567\n", false, false),
            ("", false, false),
        ] {
            assert_eq!(LicenseKey::parse(text).is_ok(), license, "{text:?}");
            assert_eq!(HubKey::parse(text).is_ok(), hub, "{text:?}");
        }
        assert!(AdminKey::parse("a bootstrap key may not hold spaces, ever").is_err());
        assert!(AdminKey::parse(&"b".repeat(32)).is_ok());
        assert!(AdminKey::parse(&"b".repeat(31)).is_err());
        assert!(AdminKey::parse(&"b".repeat(129)).is_err());
        assert!(AdminKey::parse("lb_admin_XYZ456789abcdef0123456789abcdef00").is_err());
    }

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
    fn a_key_is_noticed_wherever_it_stands() {
        assert!(holds_key("x-hk_0123456789abcdef01234567"));
        assert!(holds_key("hk_short.hk_0123456789abcdef"));
        assert!(holds_key("lb_admin_0123456789abcdef0123456789abcdef"));
        assert!(!holds_key("rotate-hk_2026-11-25"));
        assert!(!holds_key("lb_inst_"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = HubKey::generate(&mut SysRng).unwrap();
        let secret = key.expose().to_owned();
        for text in [
            format!("{key:?}"),
            format!("{:?}", Shown(key.clone())),
            format!("{:?}", Presented(Ok(key.clone()))),
            format!("{:?}", key.hash()),
        ] {
            assert!(!text.contains(&secret["hk_".len()..]), "{text}");
        }
    }
}
