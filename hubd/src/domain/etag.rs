//! Entity tags of the fields that operators set, and preconditions on them (RFC 9110 §8.8.3, §13.1.1).

use std::fmt;

use hub_core::problem::ErrorCode;
use sha2::{Digest, Sha256};

use super::Refusal;

/// A strong entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ETag(String);

impl ETag {
    /// The tag of these values.
    pub(crate) fn of(values: &impl serde::Serialize) -> Self {
        let text = serde_json::to_string(values).unwrap_or_default();
        Self(hex::encode(&Sha256::digest(text)[..10]))
    }
}

impl ETag {
    /// Whether an `If-None-Match` header has this tag, strong or weak (RFC 9110 §13.1.2).
    pub(crate) fn is_known_as(&self, header: &str) -> bool {
        let own = self.to_string();
        header
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// The condition of an `If-Match` header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// No header, or `*`: every existing object matches.
    #[default]
    Any,
    /// The object must have one of these tags.
    OneOf(Vec<ETag>),
}

impl Precondition {
    /// Reads a header. A tag that is not strong matches nothing.
    pub(crate) fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let tags = header.split(',').filter_map(|tag| {
            let opaque = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
            Some(ETag(opaque.to_owned()))
        });
        Self::OneOf(tags.collect())
    }

    /// Refuses if a tag is asked for of what has none.
    pub(crate) fn check_untagged(&self) -> Result<(), Refusal> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(_) => Err(Refusal::new(ErrorCode::PreconditionFailed)),
        }
    }

    /// Refuses unless the object's present tag matches.
    pub(crate) fn check(&self, present: &ETag) -> Result<(), Refusal> {
        match self {
            Self::OneOf(tags) if !tags.contains(present) => {
                Err(Refusal::new(ErrorCode::PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_knows_the_present_state_by_its_tag() {
        let tag = ETag::of(&("acme", 1));
        for (header, known) in [
            ("*".to_owned(), true),
            (tag.to_string(), true),
            (format!("\"x\", W/{tag}"), true),
            ("\"x\"".to_owned(), false),
        ] {
            assert_eq!(tag.is_known_as(&header), known, "{header}");
        }
    }

    #[test]
    fn only_a_strong_tag_of_the_present_state_matches() {
        let tag = ETag::of(&("acme", 1));
        for (header, matches) in [
            ("*".to_owned(), true),
            (tag.to_string(), true),
            (format!("\"x\", {tag}"), true),
            (format!("W/{tag}"), false),
            ("\"x\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Precondition::parse(&header).check(&tag).is_ok(), matches, "{header}");
        }
        assert!(Precondition::default().check(&tag).is_ok());
    }
}
