//! Keys. The system's random source makes them, they are shown once, and the hub keeps only a hash.
//!
//! A [`Key`] holds the secret text and wipes it when dropped. It has neither `Display` nor `Serialize`:
//! a key reaches the wire only as [`Shown`], in the answer to the request that made it. A store accepts
//! keys only as [`KeyHash`].

mod hash;

use std::fmt;
use std::marker::PhantomData;

use rand::TryCryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

pub use hash::{Fingerprint, KeyHash};

use crate::fields::Field;
use crate::schema::inline_schema;

/// The properties of a kind of key: its name, its prefix and the form of its text.
pub trait KeyKind {
    /// The kind's name in messages, such as `license key`.
    const NAME: &'static str;
    /// The prefix of every issued key of this kind.
    const PREFIX: &'static str;
    /// The number of random bytes in an issued key; each becomes two hex digits.
    const RANDOM_BYTES: usize;
    /// Whether `text` has the form of a key of this kind. No look-up is needed.
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

/// Whether a text contains something like a key of any kind: a prefix followed by at least 16 letters or
/// digits. It guards texts that the hub keeps or logs, where no key belongs.
#[must_use]
pub fn holds_key(text: &str) -> bool {
    [License::PREFIX, Hub::PREFIX, Admin::PREFIX].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let secret = text[at + prefix.len()..].bytes();
            secret.take_while(u8::is_ascii_alphanumeric).count() >= 16
        })
    })
}

/// A secret key of one kind; dropping it wipes the text from memory.
pub struct Key<K> {
    text: Zeroizing<String>,
    kind: PhantomData<fn() -> K>,
}

/// The key that an operator hands to a client's machine.
pub type LicenseKey = Key<License>;
/// The key that an activated instance authenticates with.
pub type HubKey = Key<Hub>;
/// The key that an operator authenticates with.
pub type AdminKey = Key<Admin>;

/// The text is not a key of the expected kind. The message does not quote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0} in an accepted form")]
pub struct MalformedKey(&'static str);

impl<K: KeyKind> Key<K> {
    /// Makes a new key.
    ///
    /// # Errors
    /// The error of the random source. The operating system's source fails only when it is unusable.
    pub fn generate<R: TryCryptoRng>(rng: &mut R) -> Result<Self, R::Error> {
        let mut random = Zeroizing::new(vec![0_u8; K::RANDOM_BYTES]);
        rng.try_fill_bytes(&mut random)?;
        let digits = Zeroizing::new(hex::encode(&*random));
        let mut text = Zeroizing::new(String::with_capacity(K::PREFIX.len() + digits.len()));
        text.push_str(K::PREFIX);
        text.push_str(&digits);
        Ok(Self { text, kind: PhantomData })
    }

    /// Reads a key from `text`.
    ///
    /// # Errors
    /// [`MalformedKey`] when `text` does not have the form of a key of this kind.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        if !K::accepts(text) {
            return Err(MalformedKey(K::NAME));
        }
        Ok(Self { text: Zeroizing::new(text.to_owned()), kind: PhantomData })
    }

    /// SHA-256 of the whole key text.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.text)
    }

    /// The secret text, for a header, a sink, or the one answer that shows the key.
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

/// A key in the one answer that shows it.
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

inline_schema!(Shown<License>, {"type": "string", "pattern": "^lb_inst_[0-9a-f]{32}$"});
inline_schema!(Shown<Hub>, {"type": "string", "pattern": "^hk_[0-9a-f]{24}$"});
inline_schema!(Shown<Admin>, {"type": "string", "pattern": "^lb_admin_[0-9a-f]{32}$"});
// Text of any form is a question that the hub answers.
inline_schema!(Presented<License>, {
    "type": "string", "format": "password",
    "examples": ["lb_inst_0123456789abcdef0123456789abcdef01234567"]
});

/// A key as a caller presents it. A malformed key is a value too, so the hub can give the same answer to
/// a malformed, an unknown and a deleted key.
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
    fn the_form_of_a_key_is_checked_exactly() {
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
