//! A value that the user can also switch off.

use hub_core::fields::Patch;

/// A value, or the word that says there is none, such as `--expires-at never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrNone<T> {
    /// None.
    None,
    /// This one.
    Some(T),
}

impl<T> OrNone<T> {
    /// The same, with another value.
    pub(crate) fn map<U>(self, other: impl FnOnce(T) -> U) -> OrNone<U> {
        match self {
            Self::None => OrNone::None,
            Self::Some(value) => OrNone::Some(other(value)),
        }
    }

    /// The change that it asks for; without a value there is none.
    pub(crate) fn patch(given: Option<Self>) -> Patch<T> {
        match given {
            None => Patch::Keep,
            Some(Self::None) => Patch::Clear,
            Some(Self::Some(value)) => Patch::Set(value),
        }
    }
}
