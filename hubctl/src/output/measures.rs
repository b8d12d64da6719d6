//! Durations and shares as people read them.

/// A duration in milliseconds, with two or three digits: `420 µs`, `12 ms`, `1.3 s`.
pub(crate) fn duration(ms: f64) -> String {
    // The bounds are those of rounding: 999.6 ms is a second.
    match ms {
        ms if ms < 0.000_5 => "0 ms".to_owned(),
        ms if ms < 0.999_5 => format!("{:.0} µs", ms * 1_000.0),
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 9_950.0 => format!("{:.1} s", ms / 1_000.0),
        ms if ms < 99_500.0 => format!("{:.0} s", ms / 1_000.0),
        ms if ms < 5_970_000.0 => format!("{:.1} min", ms / 60_000.0),
        ms => format!("{:.1} h", ms / 3_600_000.0),
    }
}

/// A share as percent; a share above zero is never shown as zero.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 => "0 %".to_owned(),
        percent if percent < 0.1 => "<0.1 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (ms, told) in [
            (0.0, "0 ms"),
            (0.42, "420 µs"),
            (0.999_9, "1.0 ms"),
            (4.25, "4.2 ms"),
            (12.4, "12 ms"),
            (999.6, "1.0 s"),
            (1_310.0, "1.3 s"),
            (59_900.0, "60 s"),
            (99_600.0, "1.7 min"),
            (86_400_000.0, "24.0 h"),
        ] {
            assert_eq!(duration(ms), told, "{ms}");
        }
    }

    #[test]
    fn few_errors_are_not_none() {
        for (share, told) in [
            (0.0, "0 %"),
            (0.000_01, "<0.1 %"),
            (2.0 / 12.0, "16.7 %"),
            (1.0, "100.0 %"),
            (2.5, "250.0 %"),
        ] {
            assert_eq!(percent(share), told, "{share}");
        }
    }
}
