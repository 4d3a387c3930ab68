//! The demo's voice: the story on stdout, progress and errors on stderr.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the demo is there to be read")]

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use dodona_circuits::keys::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Says what happens.
pub struct Narrator {
    begun: Instant,
    chapters: AtomicUsize,
}

/// Progress bars of long computations, one for each stage.
#[derive(Clone, Default)]
pub struct Bars(Arc<Mutex<Option<(String, ProgressBar)>>>);

impl Narrator {
    /// A narrator whose clock begins now.
    pub fn new() -> Self {
        Self { begun: Instant::now(), chapters: AtomicUsize::new(0) }
    }

    /// Begins a chapter.
    pub fn title(&self, text: &str) {
        let number = self.chapters.fetch_add(1, Ordering::Relaxed) + 1;
        println!("\n[{:>4.0} s] {number}. {text}", self.begun.elapsed().as_secs_f64());
    }

    /// One line.
    pub fn line(&self, text: &str) {
        println!("         {text}");
    }

    /// Says why the demo ends early.
    pub fn failed(&self, error: &anyhow::Error) -> ExitCode {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }

    /// Bars for a computation that reports its progress.
    pub fn bars(&self) -> Bars {
        Bars::default()
    }

    /// Waits for `work` with a bar that fills in `estimate` seconds, or a spinner; says how long it took.
    ///
    /// # Errors
    /// That of `work`.
    pub async fn wait<T>(&self, what: &str, estimate: Option<f64>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let bar = match estimate {
            Some(seconds) => ProgressBar::new(Duration::from_secs_f64(seconds).as_secs().max(1)),
            None => ProgressBar::new_spinner(),
        };
        let template = match estimate {
            Some(seconds) => format!("         {{msg}} {{bar:30}} {{elapsed}} of about {seconds:.0} s"),
            None => "         {spinner} {msg} {elapsed}".to_owned(),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = tick.tick() => match estimate {
                    Some(_) => bar.set_position(begun.elapsed().as_secs()),
                    None => bar.tick(),
                },
            }
        };
        bar.finish_and_clear();
        let value = done?;
        self.line(&format!("{what}: {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(value)
    }
}

impl Progress for Bars {
    fn step(&self, stage: &str, done: u64, total: u64) {
        let Ok(mut current) = self.0.lock() else { return };
        if current.as_ref().is_none_or(|(name, _)| name != stage) {
            let bar = ProgressBar::new(total);
            let template = "         {msg:20} {bar:30} {percent:>3} % {elapsed} (about {eta} left)";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(stage.to_owned());
            bar.enable_steady_tick(Duration::from_millis(500));
            *current = Some((stage.to_owned(), bar));
        }
        let Some((_, bar)) = current.as_ref() else { return };
        bar.set_length(total);
        bar.set_position(done);
        if done >= total {
            bar.finish();
            *current = None;
        }
    }
}
