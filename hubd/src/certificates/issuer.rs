//! Signs certificates.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hub_core::certificate::{self, Claims, Jwk, JwkSet};
use hub_core::key::Fingerprint;
use hub_core::labels::Entitlements;
use hub_core::name::InstanceId;
use hub_core::time::Timestamp;

use super::keys::{KeyFault, SigningKey, add_key, read_all};
use super::recent::{Issued, Recent};
use super::settings::CertificateSettings;

/// How old a certificate may be that is given out once more. It is at most a tenth of its lifetime.
const FRESH: Duration = Duration::from_mins(1);

/// What a certificate is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Licensed<'a> {
    pub(crate) instance_id: &'a InstanceId,
    pub(crate) client: &'a str,
    pub(crate) license: &'a Fingerprint,
    pub(crate) entitlements: &'a Entitlements,
    /// The end of the license and its grace period; `None` means never.
    pub(crate) ends_at: Option<Timestamp>,
}

/// Signs certificates with the newest key of the folder.
pub(crate) struct Issuer {
    folder: PathBuf,
    name: String,
    lifetime: i64,
    fresh: i64,
    keys: RwLock<Arc<Keys>>,
    recent: Recent,
}

/// The keys that were read last. There is at least one.
struct Keys {
    all: Vec<SigningKey>,
    signing: usize,
}

impl Keys {
    fn kids(&self) -> Vec<&str> {
        self.all.iter().map(|key| key.jwk.kid.as_str()).collect()
    }
}

impl Issuer {
    /// Reads the keys; makes one when there is none.
    pub(crate) fn open(
        settings: &CertificateSettings,
        folder: PathBuf,
        now: Timestamp,
    ) -> Result<Self, KeyFault> {
        let mut all = read_all(&folder)?;
        if all.is_empty() {
            let path = add_key(&folder, now)?;
            tracing::info!(path = %path.display(), "made a key that signs certificates");
            all = read_all(&folder)?;
        }
        let signing = all.len() - 1;
        Ok(Self {
            folder,
            name: settings.certificate_issuer.clone(),
            lifetime: seconds(settings.certificate_lifetime),
            fresh: seconds(FRESH.min(settings.certificate_lifetime / 10)),
            keys: RwLock::new(Arc::new(Keys { all, signing })),
            recent: Recent::new(),
        })
    }

    /// Reads the folder again. A key that is new is published first and signs from the next time on: by
    /// then every replica has read it, and none publishes fewer keys than another signs with.
    pub(crate) fn reload(&self) {
        let known = self.keys();
        let read = match read_all(&self.folder) {
            Ok(read) if read.is_empty() => {
                tracing::warn!("the folder of certificate keys is empty: the known keys stay");
                return;
            }
            Ok(read) => read,
            Err(fault) => {
                tracing::warn!(%fault, "the certificate keys stay as they were");
                return;
            }
        };
        let known_kids = known.kids();
        let settled = |key: &SigningKey| known_kids.contains(&key.jwk.kid.as_str());
        let signing = read.iter().rposition(settled).unwrap_or(read.len() - 1);
        let keys = Keys { all: read, signing };
        if keys.kids() != known_kids || keys.signing != known.signing {
            let kid = &keys.all[keys.signing].jwk.kid;
            tracing::info!(keys = keys.all.len(), signing = kid, "certificate keys changed");
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
    }

    /// The keys that verify certificates.
    pub(crate) fn public_keys(&self) -> JwkSet {
        JwkSet { keys: self.keys().all.iter().map(|key| key.jwk.clone()).collect::<Vec<Jwk>>() }
    }

    /// A certificate for a license that works.
    pub(crate) fn certificate(&self, licensed: Licensed<'_>, now: Timestamp) -> String {
        let keys = self.keys();
        let key = &keys.all[keys.signing];
        let now = now.unix_ms().div_euclid(1000);
        let found = self.recent.find(licensed.instance_id.as_str(), |issued| {
            let age = now - issued.claims.iat;
            (0..self.fresh).contains(&age)
                && now < issued.claims.exp
                && issued.kid == key.jwk.kid
                && self.states(&issued.claims, &licensed)
        });
        if let Some(text) = found {
            return text;
        }
        let claims = self.claims(licensed, now);
        let message = certificate::message(&key.jwk.kid, &claims);
        let text = certificate::signed(&message, key.pair.sign(message.as_bytes()).as_ref());
        self.recent.keep(Issued { kid: key.jwk.kid.clone(), claims, text: text.clone() });
        text
    }

    fn claims(&self, licensed: Licensed<'_>, now: i64) -> Claims {
        Claims {
            iss: self.name.clone(),
            sub: licensed.instance_id.clone(),
            client: licensed.client.to_owned(),
            iat: now,
            exp: self.end(licensed.ends_at, now),
            entitlements: licensed.entitlements.clone(),
            lic: licensed.license.clone(),
        }
    }

    /// Whether a certificate that was issued at its time states just this.
    fn states(&self, claims: &Claims, licensed: &Licensed<'_>) -> bool {
        claims.sub == *licensed.instance_id
            && claims.client == licensed.client
            && claims.lic == *licensed.license
            && claims.entitlements == *licensed.entitlements
            && claims.exp == self.end(licensed.ends_at, claims.iat)
    }

    fn end(&self, ends_at: Option<Timestamp>, issued_at: i64) -> i64 {
        let end = issued_at.saturating_add(self.lifetime);
        ends_at.map_or(end, |ends_at| end.min(ends_at.unix_ms().div_euclid(1000)))
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};
    use hub_core::key::LicenseKey;

    use super::*;

    fn issuer(folder: &std::path::Path) -> Issuer {
        let command = CertificateSettings::augment_args(clap::Command::new("hubd"));
        let matches = command.try_get_matches_from(["hubd"]).unwrap();
        let settings = CertificateSettings::from_arg_matches(&matches).unwrap();
        Issuer::open(&settings, folder.to_owned(), Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_certificate_is_signed_anew_when_anything_changed() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = issuer(folder.path());
        let instance_id = "acme-1".parse().unwrap();
        let key = LicenseKey::parse("lb_inst_00000000000000000000000000000000").unwrap();
        let (license, none) = (key.hash().fingerprint(), Entitlements::default());
        let licensed = Licensed {
            instance_id: &instance_id,
            client: "c",
            license: &license,
            entitlements: &none,
            ends_at: None,
        };
        let at = |seconds: i64| Timestamp::from_unix_ms(seconds * 1000);
        let first = issuer.certificate(licensed, at(100));
        assert_eq!(issuer.certificate(licensed, at(159)), first);
        assert_ne!(issuer.certificate(licensed, at(160)), first);
        assert_ne!(issuer.certificate(licensed, at(99)), first);
        let sso = Entitlements::new(["sso".to_owned()]).unwrap();
        for changed in [
            Licensed { client: "d", ..licensed },
            Licensed { entitlements: &sso, ..licensed },
            Licensed { ends_at: Some(at(500)), ..licensed },
        ] {
            assert_ne!(issuer.certificate(changed, at(100)), issuer.certificate(licensed, at(100)));
        }
        let ending = Licensed { ends_at: Some(Timestamp::from_unix_ms(500_999)), ..licensed };
        let text = issuer.certificate(ending, at(100));
        assert_eq!(certificate::Unverified::parse(&text).unwrap().claims.exp, 500);
    }

    #[test]
    fn a_new_key_is_published_before_it_signs() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = issuer(folder.path());
        let signing = |issuer: &Issuer| {
            let keys = issuer.keys();
            keys.all[keys.signing].jwk.kid.clone()
        };
        let first = signing(&issuer);
        add_key(folder.path(), Timestamp::from_unix_ms(1)).unwrap();
        issuer.reload();
        assert_eq!((signing(&issuer), issuer.public_keys().keys.len()), (first.clone(), 2));
        issuer.reload();
        assert_ne!(signing(&issuer), first);
        std::fs::write(folder.path().join("x.pem"), "x").unwrap();
        issuer.reload();
        assert_eq!(issuer.public_keys().keys.len(), 2);
    }
}
