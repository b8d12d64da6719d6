//! The progress of long work, for a person who waits for it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Out;
use super::waiting::LastLine;

/// A bar in the last line of the terminal; nothing where no person looks.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    _line: Option<LastLine>,
}

impl Progress {
    /// Of so many steps.
    pub(crate) fn new(out: &Out, steps: usize) -> Self {
        let target = if out.shows_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
        let template = "{wide_bar} {pos}/{len} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        Self { bar, _line: LastLine::take() }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.bar.inc(1);
    }

    /// Writes something above the bar.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
