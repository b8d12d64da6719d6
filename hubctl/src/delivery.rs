//! A key is delivered once and never lost. The steps, each of which consumes the one before:
//!
//! 1. [`Delivery`]: the sink is checked and reserved, before the hub is asked for anything.
//! 2. [`Held`]: the sink holds a key: one that a killed run left there, or one that was just made.
//! 3. [`Delivered`]: the hub has registered its hash.
//!
//! A key whose hash the hub refuses is taken out of the sink again. Where the outcome is unknown the key
//! stays, and the next run registers it. So a run that is killed at any instant leaves either nothing or
//! a key that the next run finishes with.

use hub_core::exit::Exit;
use hub_core::key::{Admin, Fingerprint, Hub, Key, KeyHash, KeyKind, License};
use hub_core::problem::ErrorCode;
use rand::rngs::SysRng;

use crate::cli::SinkArgs;
use crate::error::{Failure, Result};
use crate::output::{Out, Reveal};
use crate::sink::{self, Display, Sink};
use crate::words::SinkSpec;

/// A kind of key that commands deliver.
pub(crate) trait Deliverable: KeyKind {
    /// The member that such a key is in documents.
    const MEMBER: &'static str;
}

impl Deliverable for License {
    const MEMBER: &'static str = "license_key";
}

impl Deliverable for Hub {
    const MEMBER: &'static str = "hub_api_key";
}

impl Deliverable for Admin {
    const MEMBER: &'static str = "admin_key";
}

/// A sink that is reserved for a key of one kind.
pub(crate) struct Delivery<K> {
    sink: Box<dyn Sink>,
    found: Option<Key<K>>,
}

impl<K: Deliverable> Delivery<K> {
    /// Reserves the sink of the command line or, without one, the terminal.
    pub(crate) fn reserve(args: &SinkArgs, out: &Out) -> Result<Self> {
        let format = out.format();
        let has_room = format.is_table() || format.has_members();
        match &args.sink {
            Some(SinkSpec::Stdout) if !has_room => {
                let format = format.name();
                Err(Failure::usage(format!(
                    "--sink stdout and -o {format} cannot share standard output"
                ))
                .hint("give --sink file:PATH, or use -o json"))
            }
            Some(spec) => {
                Self::of(sink::reserve(spec, args.allow_open_folder, format.has_members())?)
            }
            None if out.at_terminal() && has_room => Self::of(sink::screen()),
            None => Err(Failure::input_needed("the new key needs a sink")
                .hint("give --sink file:PATH, or --sink stdout")),
        }
    }

    /// Reserves this sink.
    pub(crate) fn into_sink(spec: &SinkSpec, allow_open_folder: bool) -> Result<Self> {
        Self::of(sink::reserve(spec, allow_open_folder, false)?)
    }

    fn of(mut sink: Box<dyn Sink>) -> Result<Self> {
        let Some(text) = sink.held()? else {
            return Ok(Self { sink, found: None });
        };
        // An admin key may have any form; one that hubctl made has its prefix.
        match Key::parse(&text).ok().filter(|_| text.starts_with(K::PREFIX)) {
            Some(key) => Ok(Self { sink, found: Some(key) }),
            None => {
                Err(Failure::sink(format!("{} holds text that is no {}", sink.place(), K::NAME))
                    .hint("name another sink, or remove that text"))
            }
        }
    }

    /// The key that the sink holds already.
    pub(crate) fn found(&self) -> Option<&Key<K>> {
        self.found.as_ref()
    }

    /// Whether standard output is for the key alone, so that words do not belong there.
    pub(crate) fn is_stdout(&self) -> bool {
        self.sink.display() == Display::Alone
    }

    /// Makes sure that the sink holds a key. One that is there already was left by a killed run: it is
    /// the key which that run would have registered.
    pub(crate) fn hold(mut self) -> Result<Held<K>> {
        match self.found.take() {
            Some(key) => {
                self.sink.let_go();
                Ok(Held { sink: self.sink, key, is_new: false })
            }
            None => Held::of_new_key(self.sink),
        }
    }

    /// The same for many at once: the keys are on disk only after [`sync`].
    pub(crate) fn hold_unsynced(self) -> Result<Held<K>> {
        match self.found {
            Some(_) => self.hold(),
            None => Held::of_new_key_put(self.sink, false),
        }
    }

    /// Makes sure that the sink holds a key that can take the place of the live one.
    pub(crate) fn hold_next(mut self, live: &Fingerprint) -> Result<Held<K>> {
        self.found = self.found.filter(|key| key.hash().fingerprint() != *live);
        self.hold()
    }
}

/// A sink that holds a key which is not registered yet.
pub(crate) struct Held<K> {
    sink: Box<dyn Sink>,
    key: Key<K>,
    is_new: bool,
}

impl<K: Deliverable> Held<K> {
    fn of_new_key(sink: Box<dyn Sink>) -> Result<Self> {
        Self::of_new_key_put(sink, true)
    }

    fn of_new_key_put(mut sink: Box<dyn Sink>, sync: bool) -> Result<Self> {
        let key = Key::generate(&mut SysRng).map_err(|error| {
            let message = format!("the system has no randomness: {error}");
            Failure::new(Exit::Bug, "no_randomness", message)
        })?;
        if sync {
            sink.put(key.expose())?;
        } else {
            sink.put_unsynced(key.expose())?;
        }
        Ok(Self { sink, key, is_new: true })
    }

    /// Takes the key out of the sink again, unless another run had put it there.
    pub(crate) fn give_up(mut self) {
        if self.is_new {
            self.sink.restore();
        }
    }

    /// The sink's file, as people write it.
    pub(crate) fn path(&self) -> Option<String> {
        self.sink.path().map(|path| path.display().to_string())
    }

    /// The same, if the file holds the key and nothing else.
    pub(crate) fn key_file(&self) -> Option<String> {
        self.path().filter(|_| self.sink.is_key_file())
    }

    /// Registers the key. What the hub refuses is taken out of the sink again.
    pub(crate) async fn register<A>(
        mut self,
        register: impl AsyncFnOnce(KeyHash) -> Result<A>,
    ) -> Result<Delivered<K, A>> {
        match register(self.key.hash()).await {
            Ok(answer) => Ok(Delivered { held: self, answer }),
            Err(failure) => {
                if failure.is_refusal() {
                    self.sink.restore();
                }
                Err(failure)
            }
        }
    }

    /// Registers the key, or a new one if a killed run left one that has ended since: the hub knows it
    /// already, and takes no key twice.
    pub(crate) async fn register_or_renew<A>(
        self,
        register: impl AsyncFn(KeyHash) -> Result<A>,
    ) -> Result<Delivered<K, A>> {
        if self.is_new {
            return self.register(register).await;
        }
        match register(self.key.hash()).await {
            Ok(answer) => Ok(Delivered { held: self, answer }),
            Err(failure) if failure.is(ErrorCode::KeyConflict) => {
                Self::of_new_key(self.sink)?.register(register).await
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Returns when the keys of all these are on disk.
pub(crate) fn sync<'a, K: 'a>(held: impl Iterator<Item = &'a Held<K>>) -> std::io::Result<()> {
    let mut devices = std::collections::BTreeSet::new();
    for folder in held.filter_map(|held| held.sink.folder()) {
        if devices.insert(folder.device()) {
            folder.sync_file_system()?;
        }
    }
    Ok(())
}

/// A key that is in its sink and registered.
pub(crate) struct Delivered<K, A> {
    held: Held<K>,
    /// What the hub answered.
    pub(crate) answer: A,
}

impl<K: Deliverable, A> Delivered<K, A> {
    /// The key's fingerprint.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.held.key.hash().fingerprint()
    }

    /// `3f9a1c… → a.key (0600, shown nowhere else)`
    pub(crate) fn told(&self) -> String {
        format!("{}…{}", &self.fingerprint().as_str()[..6], self.held.sink.told())
    }

    /// The key itself, where standard output is its sink.
    pub(crate) fn reveal(&self) -> Option<Reveal<'_>> {
        let secret = self.held.key.expose();
        let reveal = |alone| Some(Reveal { field: K::MEMBER, secret, alone });
        match self.held.sink.display() {
            Display::Hidden => None,
            Display::Once => reveal(false),
            Display::Alone => reveal(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use hub_core::key::HubKey;
    use zeroize::Zeroizing;

    use super::*;

    const LEFT: &str = "hk_000000000000000000000000";

    type Log = Rc<RefCell<Vec<&'static str>>>;

    /// A sink that notes what is done to it.
    struct Noted {
        text: Option<String>,
        log: Log,
    }

    impl Sink for Noted {
        fn held(&mut self) -> Result<Option<Zeroizing<String>>> {
            Ok(self.text.clone().map(Zeroizing::new))
        }

        fn put(&mut self, secret: &str) -> Result<()> {
            self.log.borrow_mut().push("put");
            self.text = Some(secret.to_owned());
            Ok(())
        }

        fn restore(&mut self) {
            self.log.borrow_mut().push("restore");
        }

        fn let_go(&mut self) {
            self.log.borrow_mut().push("let go");
        }
    }

    fn delivery(text: Option<&str>) -> (Delivery<Hub>, Log) {
        let log = Log::default();
        let sink = Noted { text: text.map(str::to_owned), log: Rc::clone(&log) };
        (Delivery::of(Box::new(sink)).unwrap(), log)
    }

    fn done<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn answers(code: ErrorCode) -> Failure {
        Failure::of(code, "no")
    }

    #[test]
    fn a_new_key_is_in_the_sink_before_it_is_registered() {
        let (delivery, log) = delivery(None);
        let register = async |hash| {
            assert_eq!(*log.borrow(), ["put"]);
            Ok(hash)
        };
        let delivered = done(delivery.hold().unwrap().register(register)).unwrap();
        assert_eq!(delivered.fingerprint(), delivered.answer.fingerprint());
        assert_eq!(*log.borrow(), ["put"]);
    }

    #[test]
    fn a_refused_key_is_taken_out_and_one_of_unknown_fate_stays() {
        for (code, log_after) in [
            (ErrorCode::LicenseInvalid, vec!["put", "restore"]),
            (ErrorCode::DatabaseUnavailable, vec!["put"]),
        ] {
            let (delivery, log) = delivery(None);
            let held = delivery.hold().unwrap();
            let failed = done(held.register(async |_| Err::<(), _>(answers(code))));
            assert!(failed.err().unwrap().is(code));
            assert_eq!(*log.borrow(), log_after, "{code:?}");
        }
    }

    #[test]
    fn a_key_that_a_killed_run_left_is_registered() {
        let (delivery, log) = delivery(Some(LEFT));
        let held = delivery.hold().unwrap();
        let delivered = done(held.register_or_renew(async |hash| Ok(hash))).unwrap();
        assert_eq!(delivered.answer, HubKey::parse(LEFT).unwrap().hash());
        assert_eq!(*log.borrow(), ["let go"]);
    }

    #[test]
    fn a_key_that_has_ended_or_is_live_is_replaced() {
        let left = HubKey::parse(LEFT).unwrap().hash();
        let (ended, log) = delivery(Some(LEFT));
        let register = async |hash| {
            if hash == left { Err(answers(ErrorCode::KeyConflict)) } else { Ok(hash) }
        };
        let delivered = done(ended.hold().unwrap().register_or_renew(register)).unwrap();
        assert_ne!(delivered.answer, left);
        assert_eq!(*log.borrow(), ["let go", "put"]);

        let (live, log) = delivery(Some(LEFT));
        let held = live.hold_next(&left.fingerprint()).unwrap();
        assert_ne!(done(held.register(async |hash| Ok(hash))).unwrap().answer, left);
        assert_eq!(*log.borrow(), ["put"]);
    }

    #[test]
    fn text_that_is_no_key_is_never_overwritten() {
        let log = Log::default();
        let sink = Noted { text: Some("no key".to_owned()), log: Rc::clone(&log) };
        let refused = Delivery::<Hub>::of(Box::new(sink)).err().unwrap();
        assert_eq!((refused.exit(), log.borrow().len()), (Exit::SinkFailed, 0));
    }
}
