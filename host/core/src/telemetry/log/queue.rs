//! The queue of the log, limited in lines and in bytes: a plugin or client can make a line long.

use std::io::{Result, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::fmt::MakeWriter;

/// The lines for the thread that writes them.
pub struct Waiting {
    lines: AtomicUsize,
    bytes: AtomicUsize,
    most_lines: usize,
    most_bytes: usize,
    lost: AtomicUsize,
}

impl Waiting {
    pub fn new(most_lines: usize, most_bytes: usize) -> Arc<Self> {
        let zero = || AtomicUsize::new(0);
        Arc::new(Self { lines: zero(), bytes: zero(), most_lines, most_bytes, lost: zero() })
    }

    /// The lines lost since the start.
    pub fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    fn enter(&self, bytes: usize) -> bool {
        let lines = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let fits = lines <= self.most_lines && all <= self.most_bytes;
        if !fits {
            self.leave(bytes);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        fits
    }

    fn leave(&self, bytes: usize) {
        self.lines.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Adds lines to the queue, unless it is full.
#[derive(Clone)]
pub struct Entrance {
    pub queue: NonBlocking,
    pub waiting: Arc<Waiting>,
}

impl Write for Entrance {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        if self.waiting.enter(line.len()) {
            self.queue.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Entrance {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The output of the thread.
pub struct Exit<W> {
    pub to: W,
    pub waiting: Arc<Waiting>,
}

impl<W: Write> Write for Exit<W> {
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        let written = self.to.write_all(line);
        self.waiting.leave(line.len());
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_lines_and_bytes() {
        let waiting = Waiting::new(3, 100);
        assert!(waiting.enter(60) && !waiting.enter(60), "too many bytes");
        assert!(waiting.enter(20) && waiting.enter(20) && !waiting.enter(0), "too many lines");
        assert_eq!(waiting.lost(), 2);
        let mut exit = Exit { to: Vec::new(), waiting: waiting.clone() };
        exit.write_all(&[b'x'; 60]).unwrap();
        assert!(waiting.enter(60), "there is room again");
        assert_eq!(exit.to.len(), 60);
    }
}
