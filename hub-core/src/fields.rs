//! Turns request bodies and queries into typed values, field by field.
//!
//! Serde stops at the first fault and quotes the input in its message. But callers should learn about
//! every fault at once, and quoted input can be a secret. So this room splits the object into its
//! members, reads each member into its own type, and describes a fault by the fixed text
//! [`Field::EXPECTED`] of the type.

mod patch;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use serde_json::Value;

use crate::key::holds_key;
use crate::members::Members;
use crate::problem::FieldError;
use crate::time::Timestamp;

pub use patch::Patch;

/// The type of a field in a request.
pub trait Field: DeserializeOwned {
    /// What the field must be, as a clause: `must be …`.
    const EXPECTED: &'static str;
}

impl Field for bool {
    const EXPECTED: &'static str = "must be true or false";
}

/// The type of a body or a query that is read field by field.
pub trait FromFields: Sized {
    /// Takes each known field out of `fields`. `None` when a required field is missing or wrong;
    /// `fields` then holds every fault.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The type of a body.
pub trait ReadBody: Sized {
    /// Reads a body at the time `now`; `unknown` says how to report members that the hub does not know.
    ///
    /// # Errors
    /// [`Fault`].
    fn read_body(bytes: &[u8], unknown: Unknown, now: Timestamp) -> Result<Self, Fault>;
}

impl<T: FromFields> ReadBody for T {
    fn read_body(bytes: &[u8], unknown: Unknown, _: Timestamp) -> Result<Self, Fault> {
        from_json(bytes, unknown)
    }
}

/// For requests that have no body or no query.
impl FromFields for () {
    fn from_fields(_: &mut Fields<'_>) -> Option<Self> {
        Some(())
    }
}

/// Why a body or a query could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The body is not a JSON object, or it names a member twice.
    NotAnObject,
    /// Some fields are wrong; all of them are listed.
    Fields(Vec<FieldError>),
}

/// How to report a member that the hub does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// With its name, for admin requests.
    Named,
    /// Without its name, where the name could be a secret.
    Unnamed,
}

/// Reads a JSON object. An empty body counts as an empty object when no field is required.
///
/// # Errors
/// [`Fault`].
pub fn from_json<T: FromFields>(body: &[u8], unknown: Unknown) -> Result<T, Fault> {
    let members = if body.is_empty() {
        Members(Vec::new())
    } else {
        serde_json::from_slice::<Members<'_>>(body).map_err(|_| Fault::NotAnObject)?
    };
    let taken = members.0.into_iter().map(|(name, raw)| (name, Raw::Json(raw.get()))).collect();
    match read(taken, "body", unknown) {
        Err(_) if body.is_empty() => Err(Fault::NotAnObject),
        other => other,
    }
}

/// Reads one value of a list.
#[must_use]
pub fn from_value<T: Field>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// Reads a query string.
///
/// # Errors
/// [`Fault::Fields`], also for a repeated parameter, unless its type takes several values.
pub fn from_query<T: FromFields>(query: &str) -> Result<T, Fault> {
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(Fault::Fields(vec![FieldError::new("query", "must be UTF-8")]));
    }
    let taken = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name, Raw::Text(value)))
        .collect();
    read(taken, "query", Unknown::Unnamed)
}

fn read<T: FromFields>(
    members: Vec<(Cow<'_, str>, Raw<'_>)>,
    whole: &'static str,
    unknown: Unknown,
) -> Result<T, Fault> {
    let mut fields = Fields { members, errors: Vec::new(), known: Vec::new() };
    let value = T::from_fields(&mut fields);
    fields.refuse_leftovers(whole, unknown);
    match value {
        Some(value) if fields.errors.is_empty() => Ok(value),
        _ => Err(Fault::Fields(fields.errors)),
    }
}

/// The members of a request that nobody has taken yet, and the faults found so far.
pub struct Fields<'a> {
    members: Vec<(Cow<'a, str>, Raw<'a>)>,
    errors: Vec<FieldError>,
    known: Vec<&'static str>,
}

enum Raw<'a> {
    Json(&'a str),
    Text(Cow<'a, str>),
}

impl Raw<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Json("null"))
    }

    fn read<T: Field>(&self) -> Option<T> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok(),
            // A query holds only text: numbers and booleans are written as in JSON.
            Self::Text(text) => {
                let plain: StrDeserializer<'_, serde::de::value::Error> =
                    StrDeserializer::new(text);
                let bare =
                    || text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
                let json = || bare().then(|| serde_json::from_str(text).ok()).flatten();
                T::deserialize(plain).ok().or_else(json)
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// Takes a field that must be present.
    pub fn required<T: Field>(&mut self, name: &'static str) -> Option<T> {
        let Some(raw) = self.take(name) else {
            self.fault(name, "is required");
            return None;
        };
        self.read(name, &raw)
    }

    /// Takes a field that may be absent; `null` means the same as absent.
    pub fn optional<T: Field>(&mut self, name: &'static str) -> Option<T> {
        let raw = self.take(name).filter(|raw| !raw.is_null())?;
        self.read(name, &raw)
    }

    /// Takes a field of a PATCH that may be absent and cannot be cleared.
    pub fn replace<T: Field>(&mut self, name: &'static str) -> Option<T> {
        let raw = self.take(name)?;
        self.read(name, &raw)
    }

    /// Takes a field of a PATCH that may be absent; `null` clears it.
    pub fn patch<T: Field>(&mut self, name: &'static str) -> Patch<T> {
        match self.take(name) {
            None => Patch::Keep,
            Some(raw) if raw.is_null() => Patch::Clear,
            Some(raw) => self.read(name, &raw).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// Takes a query parameter that may be given several times.
    pub fn repeated<T: Field>(&mut self, name: &'static str) -> Vec<T> {
        let mut values = Vec::new();
        while let Some(at) = self.position(name) {
            let (_, raw) = self.members.remove(at);
            values.extend(self.read(name, &raw));
        }
        values
    }

    /// Takes a list, as JSON. `None` when it is absent, `Some(None)` when the value is no list; the fault is
    /// then noted at `place`.
    pub fn list(&mut self, name: &'static str, place: &str) -> Option<Option<Vec<Value>>> {
        let raw = self.take(name)?;
        let list = match raw {
            Raw::Json(json) => serde_json::from_str(json).ok(),
            Raw::Text(_) => None,
        };
        if list.is_none() {
            self.fault_at(place.to_owned(), "must be a list");
        }
        Some(list)
    }

    /// Takes an object that may be absent, and reads its members as `read` says. Faults about members that
    /// the hub does not know name them within the object.
    pub fn object<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let Some(raw) = self.take(name) else { return Some(T::default()) };
        let members = match &raw {
            Raw::Json(json) => serde_json::from_str::<Members<'_>>(json).ok(),
            Raw::Text(_) => None,
        };
        let Some(Members(members)) = members else {
            self.fault(name, "must be an object");
            return None;
        };
        let members = members.into_iter().map(|(name, raw)| (name, Raw::Json(raw.get()))).collect();
        let mut inner = Fields { members, errors: Vec::new(), known: Vec::new() };
        let value = read(&mut inner);
        let told = inner.errors.len();
        inner.refuse_leftovers("", Unknown::Named);
        for error in &mut inner.errors[told..] {
            error.field =
                format!("{name}.{}", if error.field.is_empty() { "*" } else { &error.field });
        }
        self.errors.append(&mut inner.errors);
        value
    }

    /// Adds a fault at a place inside a field.
    pub fn fault_at(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.errors.push(FieldError { field: place.into(), message: message.into() });
    }

    /// Adds a fault that only the request as a whole shows.
    pub fn fault(&mut self, name: &'static str, message: &str) {
        self.errors.push(FieldError::new(name, message));
    }

    fn position(&mut self, name: &'static str) -> Option<usize> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members.iter().position(|(member, _)| member == name)
    }

    fn take(&mut self, name: &'static str) -> Option<Raw<'a>> {
        let at = self.position(name)?;
        let (_, raw) = self.members.remove(at);
        if self.position(name).is_some() {
            self.fault(name, "is given more than once");
            self.members.retain(|(member, _)| member != name);
        }
        Some(raw)
    }

    fn read<T: Field>(&mut self, name: &'static str, raw: &Raw<'_>) -> Option<T> {
        let value = raw.read();
        if value.is_none() {
            self.fault(name, T::EXPECTED);
        }
        value
    }

    fn refuse_leftovers(&mut self, whole: &'static str, unknown: Unknown) {
        let noun = if whole == "query" { "parameter" } else { "member" };
        let known = match self.known.as_slice() {
            [] => format!("there is no {noun} to give here"),
            names => format!("known: {}", names.join(", ")),
        };
        for (name, _) in std::mem::take(&mut self.members) {
            // The name of a member is free text: the message repeats it only when it looks like a name.
            let plain = (1..=40).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                && !holds_key(&name);
            let field = if unknown == Unknown::Named && plain { name.as_ref() } else { whole };
            let fault = FieldError::new(field, format!("unknown {noun}; {known}"));
            if !self.errors.contains(&fault) {
                self.errors.push(fault);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Limit;
    use crate::time::Span;

    #[derive(Debug, PartialEq)]
    struct Sample {
        at: Timestamp,
        on: Option<bool>,
        until: Patch<Timestamp>,
    }

    impl FromFields for Sample {
        fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
            let at = fields.required("at");
            let on = fields.optional("on");
            let until = fields.patch("until");
            Some(Self { at: at?, on, until })
        }
    }

    fn faults(body: &str) -> Vec<(String, String)> {
        match from_json::<Sample>(body.as_bytes(), Unknown::Named) {
            Err(Fault::Fields(errors)) => {
                errors.into_iter().map(|e| (e.field, e.message)).collect()
            }
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn every_wrong_field_is_reported_and_no_value_is_repeated() {
        let found = faults(r#"{"at": "sk_secret", "on": 3, "until": [1], "color": "sk_secret"}"#);
        let names: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(names, ["at", "on", "until", "color"]);
        assert!(!format!("{found:?}").contains("sk_secret"));
        for unnamed in ["lb_inst_0123", "hk_abcdefabcdefabcdefabcdef"] {
            let unnamed = faults(&format!(r#"{{"at": "2026-01-01T00:00:00Z", "{unnamed}": 1}}"#));
            assert_eq!(unnamed[0].0, "body");
        }
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let read = |body: &str| from_json::<Sample>(body.as_bytes(), Unknown::Named).unwrap();
        let at = r#""at": "2026-01-01T00:00:00Z""#;
        assert_eq!(read(&format!("{{{at}}}")).until, Patch::Keep);
        assert_eq!(read(&format!(r#"{{{at}, "until": null, "on": null}}"#)).until, Patch::Clear);
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in ["", "[]", "3", "{", "{} {}", r#"{"at": 1, "at": 2}"#, "\u{feff}{}"] {
            let read = from_json::<Sample>(body.as_bytes(), Unknown::Named);
            assert_eq!(read, Err(Fault::NotAnObject), "{body}");
        }
        let invalid = from_json::<Sample>(b"{\"at\": \"\xff\"}", Unknown::Named);
        assert!(invalid.is_err());
    }

    #[test]
    fn queries_name_known_parameters_only() {
        struct Query(Option<Span>);
        impl FromFields for Query {
            fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
                let _: (Option<Limit>, Option<bool>) =
                    (fields.optional("limit"), fields.optional("all"));
                Some(Self(fields.optional("silent_for")))
            }
        }
        let read = |query: &str| from_query::<Query>(query).is_ok_and(|Query(span)| span.is_some());
        assert!(read("silent_for=24h&limit=5&all=true"));
        for wrong in ["silent_for=%2224h%22", "limit=%205", "limit=%225%22", "all=true%0a", "x=%ff"]
        {
            assert!(!read(&format!("silent_for=24h&{wrong}")) && !read(wrong), "{wrong}");
        }
        let Err(Fault::Fields(errors)) = from_query::<Query>("silent_for=x&silent_for=y&key=hk_1")
        else {
            panic!("accepted")
        };
        let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["silent_for", "silent_for", "query"]);
    }
}
