//! Why a command failed: one type for the words, the JSON and the exit code.

use std::borrow::Cow;
use std::fmt::Write as _;

use hub_core::exit::Exit;
use hub_core::problem::ErrorCode;
use serde::Serialize;
use serde_json::Value;

use crate::output::visible;

/// The result of any step of a command.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command failed. Boxed, because it is large and rare.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

/// The parts of a [`Failure`].
#[derive(Debug)]
pub(crate) struct Parts {
    /// The stable code: the hub's, or one of hubctl's own.
    pub(crate) code: Cow<'static, str>,
    /// The error, in a sentence.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The HTTP status, when the hub answered or would have.
    pub(crate) status: Option<u16>,
    /// The request, as the hub's log names it.
    pub(crate) request_id: Option<String>,
    /// The exit code.
    pub(crate) exit: Exit,
    /// The object that exists already.
    pub(crate) existing: Option<Value>,
    /// The handle that was not found, to suggest another.
    pub(crate) about: Option<String>,
    /// An earlier attempt of the same request may have been carried out.
    pub(crate) after_unknown: bool,
    /// The objects that failed, of several.
    pub(crate) items: Vec<(String, Failure)>,
}

impl Failure {
    /// A failure that hubctl found itself.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code: Cow::Borrowed(code),
            message: message.into(),
            hint: None,
            status: None,
            request_id: None,
            exit,
            existing: None,
            about: None,
            after_unknown: false,
            items: Vec::new(),
        }))
    }

    /// Some of several objects failed, each under its handle.
    pub(crate) fn partial(items: Vec<(String, Self)>, all: usize) -> Self {
        let message = format!("{} of {all} failed", items.len());
        Self::new(Exit::Partial, "partial", message).with(|parts| parts.items = items)
    }

    /// An error of the hub that hubctl found without asking it: for scripts it is the same.
    pub(crate) fn of(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(code.exit(), code.as_str(), message)
            .with(|parts| parts.status = Some(code.status().as_u16()))
    }

    /// Wrong usage, or a file that cannot be read.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// An answer is needed and nobody can give it.
    pub(crate) fn input_needed(message: impl Into<String>) -> Self {
        Self::new(Exit::InputNeeded, "input_needed", message)
    }

    /// The key sink could not be written.
    pub(crate) fn sink(message: impl Into<String>) -> Self {
        Self::new(Exit::SinkFailed, "sink_failed", message)
    }

    /// The reader of the output has closed it.
    pub(crate) fn output_closed() -> Self {
        Self::new(Exit::OutputClosed, "output_closed", "the output was closed")
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the object that exists already.
    pub(crate) fn existing(mut self, object: &impl Serialize) -> Self {
        self.0.existing = serde_json::to_value(object).ok();
        self
    }

    /// Changes its parts.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        change(&mut self.0);
        self
    }

    /// Whether the hub answered this.
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.0.code == code.as_str()
    }

    /// Whether the hub refused the request and certainly did nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        // What was not sent was not carried out either.
        let unsent = self.exit() == Exit::InputNeeded;
        let refused = self.0.status.is_some_and(|status| (400..500).contains(&status));
        !self.0.after_unknown && (unsent || refused)
    }

    /// Whether every further request would fail in the same way: the hub cannot be reached or used.
    pub(crate) fn is_general(&self) -> bool {
        matches!(self.exit(), Exit::NotAuthenticated | Exit::Unreachable | Exit::Incompatible)
    }

    /// Its parts.
    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Whether the same command may succeed when it is run again, for one of several objects at least.
    pub(crate) fn retryable(&self) -> bool {
        self.exit().retryable() || self.0.items.iter().any(|(_, failure)| failure.retryable())
    }

    /// The document that `-o json` writes to standard error.
    pub(crate) fn to_json(&self) -> String {
        let document = Document { error: self.described(None) };
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    /// The failure for scripts, of the object with this handle.
    pub(crate) fn described<'a>(&'a self, handle: Option<&'a str>) -> Described<'a> {
        let Parts { code, message, hint, status, request_id, exit, existing, items, .. } = &*self.0;
        Described {
            handle,
            code,
            message: mask(message),
            hint: hint.as_deref().map(mask),
            status: *status,
            request_id: request_id.as_deref(),
            retryable: self.retryable(),
            exit: exit.code(),
            existing: existing.as_ref(),
            items: items.iter().map(|(handle, item)| item.described(Some(handle))).collect(),
        }
    }

    /// The words for a person.
    pub(crate) fn to_words(&self, error: &console::Style, label: &console::Style) -> String {
        let Parts { code, message, hint, request_id, .. } = &*self.0;
        let head = error.apply_to(format!("error[{code}]:"));
        let mut words = format!("{head} {}\n", plain(&mask(message)));
        if let Some(hint) = hint {
            let _ = writeln!(words, "{} {}", label.apply_to("help:"), plain(&mask(hint)));
        }
        if let Some(id) = request_id {
            let _ = writeln!(words, "{} {}", label.apply_to("request-id:"), plain(id));
        }
        words
    }
}

#[derive(Serialize)]
struct Document<'a> {
    error: Described<'a>,
}

/// A failure as JSON.
#[derive(Serialize)]
pub(crate) struct Described<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
    code: &'a str,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    request_id: Option<&'a str>,
    retryable: bool,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Self>,
}

/// Shows what cannot be seen: an answer must not steer the terminal.
fn plain(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

/// Hides text with the form of a key: a person may have typed one in the wrong place.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = text.to_owned();
    for prefix in ["lb_inst_", "lb_admin_", "hk_"] {
        let mut from = 0;
        while let Some(at) = masked[from..].find(prefix) {
            let start = from + at + prefix.len();
            let secret = masked[start..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            if secret >= 8 {
                masked.replace_range(start..start + secret, "…");
            }
            from = start;
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_wherever_they_stand() {
        let typed = "unexpected argument 'lb_inst_0123456789abcdef0123456789abcdef' found";
        assert_eq!(mask(typed), "unexpected argument 'lb_inst_…' found");
        assert_eq!(mask("hk_0123456789ABCDEF and hk_0123456789abcdef"), "hk_… and hk_…");
        assert_eq!(mask("hk_short is no key"), "hk_short is no key");
    }

    #[test]
    fn the_document_has_every_member() {
        let failure = Failure::of(ErrorCode::InstanceNotFound, "no instance acme-prd")
            .hint("did you mean acme-prod?");
        let json: Value = serde_json::from_str(&failure.to_json()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"error": {
                "code": "instance_not_found", "message": "no instance acme-prd",
                "hint": "did you mean acme-prod?", "status": 404, "request_id": null,
                "retryable": false, "exit": 3
            }})
        );
    }

    #[test]
    fn of_several_things_each_is_told_and_one_may_be_worth_another_try() {
        let failed = |exit| ("acme".to_owned(), Failure::new(exit, "x", "no"));
        let partial = Failure::partial(vec![failed(Exit::NotFound)], 3);
        assert_eq!((partial.exit(), partial.retryable()), (Exit::Partial, false));
        let partial = Failure::partial(vec![failed(Exit::NotFound), failed(Exit::HubFailed)], 3);
        let json: Value = serde_json::from_str(&partial.to_json()).unwrap();
        assert_eq!(json["error"]["message"], "2 of 3 failed");
        assert_eq!(json["error"]["retryable"], true);
        let item = &json["error"]["items"][0];
        assert_eq!((&item["handle"], &item["exit"]), (&"acme".into(), &3.into()));
    }

    #[test]
    fn words_cannot_steer_the_terminal() {
        let failure = Failure::usage("a\u{1b}[31mb");
        let style = console::Style::new();
        assert_eq!(failure.to_words(&style, &style), "error[usage]: a\\u{1b}[31mb\n");
    }

    #[test]
    fn a_refusal_is_certain() {
        let refused = Failure::usage("x").with(|parts| parts.status = Some(422));
        assert!(refused.is_refusal());
        assert!(!refused.with(|parts| parts.after_unknown = true).is_refusal());
        assert!(!Failure::usage("x").with(|parts| parts.status = Some(503)).is_refusal());
    }
}
