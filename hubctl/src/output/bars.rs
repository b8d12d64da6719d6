//! Bars and sparklines.

/// A cell filled from the left, by eighths.
const LEFT: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/// A cell filled from below; the first stands for nothing at all.
const BELOW: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A column of numbers, each with its bar; the greatest has the longest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bars {
    greatest: u64,
    digits: usize,
    cells: usize,
}

impl Bars {
    /// For these numbers, at a terminal of `width` columns.
    pub(super) fn of(numbers: impl Iterator<Item = u64>, width: usize) -> Self {
        let greatest = numbers.max().unwrap_or(0);
        let digits = greatest.to_string().len();
        Self { greatest, digits, cells: (width / 4).clamp(8, 24) }
    }

    /// The number, flush right, and its bar.
    pub(super) fn cell(&self, n: u64) -> String {
        let digits = self.digits;
        format!("{n:>digits$} {}", bar(n, self.greatest, self.cells)).trim_end().to_owned()
    }
}

/// A bar of up to `cells` columns. Whatever is not zero can be seen.
fn bar(n: u64, greatest: u64, cells: usize) -> String {
    let eighths = share(n, greatest, cells * 8);
    "█".repeat(eighths / 8) + LEFT[eighths % 8]
}

/// How many of `parts` equal parts of `greatest` it takes to hold `n`.
fn share(n: u64, greatest: u64, parts: usize) -> usize {
    let filled = (u128::from(n) * parts as u128).div_ceil(u128::from(greatest.max(1)));
    usize::try_from(filled).unwrap_or(parts).min(parts)
}

/// A line of at most `width` columns. Where there are more numbers than that, each column stands for
/// the mean of as many neighbours.
pub(super) fn sparkline(numbers: &[u64], width: usize) -> String {
    let together = numbers.len().div_ceil(width.max(1)).max(1);
    // Means as fractions over the same number, so that none is rounded away.
    let means = numbers.chunks(together).map(|chunk| {
        let sum: u64 = chunk.iter().fold(0, |sum, n| sum.saturating_add(*n));
        sum.saturating_mul(together as u64) / chunk.len() as u64
    });
    let greatest = means.clone().max().unwrap_or(0);
    means.map(|mean| BELOW[share(mean, greatest, BELOW.len() - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::measure_text_width;

    #[test]
    fn the_greatest_has_the_longest_bar() {
        for (n, drawn) in [(0, ""), (1, "▏"), (25, "█"), (50, "██"), (60, "██▌"), (100, "████")]
        {
            assert_eq!(bar(n, 100, 4), drawn, "{n}");
        }
        assert_eq!(bar(u64::MAX, u64::MAX, 4), "████");
        assert_eq!(bar(1, u64::MAX, 4), "▏", "what is not zero can be seen");
        assert_eq!(bar(0, 0, 4), "");
    }

    #[test]
    fn numbers_stand_flush_right_before_their_bars() {
        let bars = Bars::of([3, 120, 0].into_iter(), 80);
        assert_eq!(bars.cell(120), format!("120 {}", "█".repeat(20)));
        assert_eq!(bars.cell(3), "  3 ▌");
        assert_eq!(bars.cell(0), "  0");
        assert_eq!(Bars::of(std::iter::empty(), 80).cell(0), "0");
    }

    #[test]
    fn a_sparkline_rises_and_falls_with_its_numbers() {
        assert_eq!(sparkline(&[0, 1, 4, 7, 3, 0], 80), "▁▂▅█▄▁");
        assert_eq!(sparkline(&[0, 0], 80), "▁▁");
        assert_eq!(sparkline(&[1, 1_000_000], 80), "▂█", "what is not zero can be seen");
        assert_eq!(sparkline(&[], 80), "");
    }

    #[test]
    fn a_long_series_is_drawn_together() {
        let numbers: Vec<u64> = (0..168).collect();
        for width in [0, 1, 10, 59, 100, 168, 500] {
            let drawn = sparkline(&numbers, width);
            assert!(measure_text_width(&drawn) <= width.max(1), "{width}: {drawn}");
        }
        assert_eq!(sparkline(&[0, 0, 4, 4, 8], 3), "▁▅█", "the rest stands for its own mean");
    }
}
