//! Progress bars on stderr; silent when stderr is not a terminal.

use std::sync::Mutex;

use dodona_circuits::keys::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar for each stage of a long step.
#[derive(Default)]
pub(super) struct Bars(Mutex<Option<(String, ProgressBar)>>);

impl Progress for Bars {
    fn step(&self, stage: &str, done: u64, total: u64) {
        let Ok(mut bar) = self.0.lock() else { return };
        if bar.as_ref().is_none_or(|(name, _)| name != stage) {
            *bar = Some((stage.to_owned(), start(stage, total)));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_length(total);
            bar.set_position(done);
            if done >= total {
                bar.finish();
            }
        }
    }
}

fn start(stage: &str, total: u64) -> ProgressBar {
    // `ProgressDrawTarget::stderr` hides itself when stderr is not a terminal.
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg:28} {bar:40} {percent:>3} % {elapsed} (about {eta} left)") {
        bar.set_style(style);
    }
    bar.set_message(stage.to_owned());
    bar
}

/// Runs `work` with a spinner, for steps that cannot say how far they are.
pub(super) async fn waiting<T>(what: &str, work: impl Future<Output = T>) -> T {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    let out = work.await;
    bar.finish_and_clear();
    out
}
