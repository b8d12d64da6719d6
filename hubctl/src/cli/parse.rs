//! Values on the command line → types, with messages that say what is expected.

use std::str::FromStr;
use std::time::Duration;

use hub_core::api::{Action, ActivationLimit, OverlapSeconds};
use hub_core::fields::Field;
use hub_core::name::{InstanceId, KeyName, Slug};
use hub_core::redact::ToolName;
use hub_core::time::{Moment, Span};

use crate::words::{End, OrNone};

fn field<T: Field + FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| T::EXPECTED.to_owned())
}

/// The handle of an existing object. Whether it exists, the hub knows; here only handles that would
/// change the path of the request are refused.
pub(super) fn handle(text: &str) -> Result<String, String> {
    if matches!(text, "" | "." | "..") {
        return Err("must be a handle".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn slug(text: &str) -> Result<Slug, String> {
    field(text)
}

pub(super) fn instance_id(text: &str) -> Result<InstanceId, String> {
    field(text)
}

pub(super) fn key_name(text: &str) -> Result<KeyName, String> {
    field(text)
}

pub(super) fn end_or_never(text: &str) -> Result<OrNone<End>, String> {
    if text == "never" {
        return Ok(OrNone::None);
    }
    text.parse().map(OrNone::Some).map_err(|expected| format!("{expected}, or never"))
}

pub(super) fn limit_or_none(text: &str) -> Result<OrNone<ActivationLimit>, String> {
    if text == "none" {
        return Ok(OrNone::None);
    }
    field(text).map(OrNone::Some).map_err(|expected| format!("{expected}, or none"))
}

pub(super) fn span(text: &str) -> Result<Span, String> {
    field(text)
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    field(text)
}

pub(super) fn tool(text: &str) -> Result<ToolName, String> {
    field(text)
}

pub(super) fn action(text: &str) -> Result<Action, String> {
    Action::ALL.iter().copied().find(|action| action.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// `30s`, `5m`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|_| "must be a duration, such as 30s or 10m".to_owned())
}

pub(super) fn overlap(text: &str) -> Result<OverlapSeconds, String> {
    let span = duration(text)?;
    if span.subsec_nanos() != 0 {
        return Err("must be whole seconds".to_owned());
    }
    let seconds = u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    OverlapSeconds::try_from(seconds).map_err(|_| "must be at most 7d".to_owned())
}

pub(super) fn http_method(text: &str) -> Result<http::Method, String> {
    text.to_ascii_uppercase().parse().map_err(|_| "must be an HTTP method".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_a_unit_or_are_seconds() {
        assert_eq!(duration("30").unwrap(), Duration::from_secs(30));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert!(duration("soon").is_err());
        assert_eq!(overlap("7d").unwrap().get(), 604_800);
        assert!(overlap("8d").is_err());
        assert!(overlap("500ms").is_err(), "it would be none");
    }

    #[test]
    fn what_may_be_none_says_so() {
        assert_eq!(end_or_never("never").unwrap(), OrNone::None);
        assert!(end_or_never("tomorrow").unwrap_err().ends_with("or never"));
        assert_eq!(limit_or_none("none").unwrap(), OrNone::None);
        assert!(matches!(limit_or_none("3"), Ok(OrNone::Some(limit)) if limit.get() == 3));
    }

    #[test]
    fn a_handle_stays_in_its_place_of_the_path() {
        assert!(handle("..").is_err());
        assert!(handle("acme").is_ok());
    }
}
