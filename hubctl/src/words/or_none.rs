//! A value that the user can also switch off.

/// A value, or the word that says there is none, such as `--expires-at never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrNone<T> {
    /// None.
    None,
    /// This one.
    Some(T),
}

impl<T> OrNone<T> {
    /// The value, if there is one.
    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::None => None,
            Self::Some(value) => Some(value),
        }
    }
}
