//! What a person waits for, once it takes longer than a moment.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{sleep, timeout};

use super::Out;

/// Nobody asks what happens before that.
pub(crate) const MOMENT: Duration = Duration::from_millis(500);
/// How often the line is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// Whether the last line of the terminal is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The last line of the terminal, for as long as this lives.
#[derive(Debug)]
pub(crate) struct LastLine(());

impl LastLine {
    /// Takes it, unless it is taken.
    pub(crate) fn take() -> Option<Self> {
        // Only who has it gives it back.
        (!TAKEN.swap(true, Ordering::Relaxed)).then(|| Self(()))
    }
}

impl Drop for LastLine {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Relaxed);
    }
}

impl Out {
    /// Does some work, and after a moment shows at a terminal what is waited for.
    pub(crate) async fn waiting<T>(
        &self,
        what: impl Fn() -> String,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        if !self.shows_waits() {
            return work.await;
        }
        if let Ok(done) = timeout(MOMENT, &mut work).await {
            return done;
        }
        let Some(_line) = LastLine::take() else {
            return work.await;
        };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        let done = loop {
            bar.set_message(what());
            bar.tick();
            tokio::select! {
                done = &mut work => break done,
                () = sleep(TICK) => {}
            }
        };
        bar.finish_and_clear();
        done
    }

    /// Whether a person sees what is waited for: a program that reads the output does not read the terminal.
    fn shows_waits(&self) -> bool {
        !self.style.verbose && !self.style.dumb && std::io::stderr().is_terminal()
    }
}
