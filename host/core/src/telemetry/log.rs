//! The log: a thread of its own writes lines to standard error from a bounded queue. So a slow terminal or disk
//! delays no request; lines that do not fit are lost and counted, and the log says so once there is room again.

mod queue;

use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::metric::LOG_LINES_LOST;
use crate::config::LogConfig;
use queue::{Entrance, Exit, Waiting};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Writes what is still queued when it is dropped.
pub struct Log {
    _thread: WorkerGuard,
    waiting: Arc<Waiting>,
}

impl Log {
    pub fn to_stderr(config: &LogConfig, format: LogFormat, filter: Option<&str>) -> Self {
        let most_lines = config.queued_lines.max(1);
        let waiting = Waiting::new(most_lines, config.queued_bytes);
        let (queue, thread) = NonBlockingBuilder::default()
            .buffered_lines_limit(most_lines)
            .lossy(true)
            .finish(Exit { to: std::io::stderr(), waiting: waiting.clone() });
        let writer = Entrance { queue, waiting: waiting.clone() };
        let filter = EnvFilter::new(filter.unwrap_or("info"));
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
        match format {
            LogFormat::Text => subscriber.init(),
            LogFormat::Json => subscriber.json().init(),
        }
        Self { _thread: thread, waiting }
    }

    pub fn lost(&self) -> Lost {
        Lost { waiting: self.waiting.clone(), counted: 0, reported: 0 }
    }
}

/// The lines that were lost because the queue was full.
pub struct Lost {
    waiting: Arc<Waiting>,
    counted: usize,
    reported: usize,
}

impl Lost {
    /// Counts the lines lost since the last time, and logs their number. If that line is lost too, it is logged
    /// again.
    pub fn report(&mut self) {
        let lost = self.waiting.lost();
        let new = lost.saturating_sub(self.counted) as u64;
        if new > 0 {
            LOG_LINES_LOST.of(&[]).increment(new);
        }
        self.counted = lost;
        let lines = lost.saturating_sub(self.reported);
        if lines == 0 {
            return;
        }
        tracing::warn!(
            lines,
            "{lines} lines of the log were lost: whoever takes them is slower than they come ([log] queued_lines, queued_bytes)"
        );
        if self.waiting.lost() == lost {
            self.reported = lost;
        }
    }
}
