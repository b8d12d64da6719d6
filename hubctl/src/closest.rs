//! "did you mean": the known name that is closest to an unknown one.

/// The closest of the names, if it is close enough.
pub(crate) fn closest<'a>(asked: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (asked.chars().count() / 3).max(1);
    let distances = known.map(|name| (strsim::damerau_levenshtein(asked, name), name));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close_is_suggested() {
        let closest = |asked| closest(asked, ["acme-prod", "acme-test", "globex"].into_iter());
        assert_eq!(closest("acme-prd"), Some("acme-prod"));
        assert_eq!(closest("Acme-Prod"), Some("acme-prod"));
        assert_eq!(closest("initech"), None);
        assert_eq!(super::closest("x", std::iter::empty()), None);
    }
}
