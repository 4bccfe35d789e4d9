//! A guest's lines in the host's log: its `log` import, standard output and standard error.
//!
//! Each call may log so many bytes; one line at its end says how many were left out. Each plugin may log so many lines, so
//! that one plugin does not push the others' lines out of the queue that all share.

use std::sync::{Arc, Mutex};

use tracing::Level;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::fault::cut;
use super::quota::Quota;
use moothall_core::ids::CallId;
use moothall_core::instance::Instance;

/// Bytes that each line counts besides its text, because writing a line has a cost of its own.
const LINE_COST: usize = 64;
/// Longest line; the rest of a longer one is left out, or is the next for standard output.
const LINE_BYTES: usize = 8 << 10;
/// How much of a call's log is kept for the list of failed calls.
const TAIL_BYTES: usize = 4 << 10;

/// The log of one call. Clones share it: standard output, standard error and `log` write to it.
#[derive(Clone)]
pub struct CallLog(Arc<Mutex<Lines>>);

struct Lines {
    quota: Arc<Quota>,
    instance: Option<Arc<Instance>>,
    call: CallId,
    left: usize,
    dropped: usize,
    tail: String,
}

impl CallLog {
    pub fn new(
        quota: Arc<Quota>,
        instance: Option<Arc<Instance>>,
        call: CallId,
        bytes: usize,
    ) -> Self {
        let lines = Lines { quota, instance, call, left: bytes, dropped: 0, tail: String::new() };
        Self(Arc::new(Mutex::new(lines)))
    }

    /// From now on the lines belong to another call.
    pub fn renew(&self, call: CallId, bytes: usize) {
        let mut lines = self.lines();
        lines.call = call;
        lines.left = bytes;
        lines.dropped = 0;
        lines.tail.clear();
    }

    /// Writes each line of a message as a line of the host's log.
    pub fn message(&self, level: Level, message: &str) {
        let mut lines = self.lines();
        for line in message.lines() {
            if lines.left == 0 {
                lines.dropped += message.len();
                return;
            }
            lines.write(level, line);
        }
    }

    /// Counts bytes as left out, if the call may log nothing more.
    fn skip(&self, bytes: usize) -> bool {
        let mut lines = self.lines();
        let full = lines.left == 0;
        if full {
            lines.dropped += bytes;
        }
        full
    }

    /// Says how much was left out, and returns the last lines.
    pub fn end(&self) -> String {
        let mut lines = self.lines();
        if lines.dropped > 0 {
            let dropped = std::mem::take(&mut lines.dropped);
            lines.left = usize::MAX;
            lines.write(Level::WARN, &format!("{dropped} bytes more were logged than a call may"));
        }
        std::mem::take(&mut lines.tail)
    }

    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Lines {
    fn write(&mut self, level: Level, message: &str) {
        let cost = message.len() + LINE_COST;
        if cost > self.left {
            self.dropped += message.len();
            // One line that does not fit ends the log, so that it has no gaps.
            self.left = 0;
            return;
        }
        self.left -= cost;
        let message = cut(printable(message, LINE_BYTES), LINE_BYTES);
        self.emit(level, &message);
        self.keep(&message);
    }

    fn emit(&self, level: Level, message: &str) {
        let community = self.instance.as_ref().map(|instance| instance.community.slug.as_str());
        let instance = self.instance.as_ref().map(|instance| instance.id.0);
        let (plugin, call) = (self.quota.plugin.as_str(), self.call.as_str());
        macro_rules! emit {
            ($level:expr) => {
                // Lines that the log's level leaves out count for nothing.
                if tracing::enabled!(target: "guest", $level) && self.may_emit(message) {
                    tracing::event!(target: "guest", $level, community, plugin, instance, call, "{message}")
                }
            };
        }
        match level {
            Level::TRACE => emit!(Level::TRACE),
            Level::DEBUG => emit!(Level::DEBUG),
            Level::INFO => emit!(Level::INFO),
            Level::WARN => emit!(Level::WARN),
            Level::ERROR => emit!(Level::ERROR),
        }
    }

    fn may_emit(&self, message: &str) -> bool {
        let quota = &self.quota;
        quota.log_bytes.take_some(message.len() + LINE_COST) && quota.log.take()
    }

    fn keep(&mut self, message: &str) {
        self.tail.push_str(message);
        self.tail.push('\n');
        let from = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..self.tail.ceil_char_boundary(from));
    }
}

/// Escapes what would steer a terminal or change the direction of text, so that a guest cannot forge lines of the host's.
/// Stops soon after `bytes`.
fn printable(text: &str, bytes: usize) -> String {
    let mut printed = String::with_capacity(text.len().min(bytes));
    for c in text.chars() {
        match is_plain(c) {
            true => printed.push(c),
            false => printed.extend(c.escape_default()),
        }
        if printed.len() > bytes {
            break;
        }
    }
    printed
}

fn is_plain(c: char) -> bool {
    match c {
        '\t' => true,
        // Separators of lines, marks and overrides of direction.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            false
        }
        c => !c.is_control(),
    }
}

/// Standard output or standard error of a call.
pub struct Stdio {
    log: CallLog,
    level: Level,
}

impl Stdio {
    pub fn new(log: CallLog, level: Level) -> Self {
        Self { log, level }
    }
}

impl IsTerminal for Stdio {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdio {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Stream { log: self.log.clone(), level: self.level, line: Vec::new() })
    }

    /// Only WASI 0.3 asks for it, which is not linked.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

/// Splits what a guest writes into lines.
struct Stream {
    log: CallLog,
    level: Level,
    line: Vec<u8>,
}

impl Stream {
    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.log.message(self.level, &String::from_utf8_lossy(&self.line));
            self.line.clear();
        }
    }
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        if self.log.skip(bytes.len()) {
            return Ok(());
        }
        for byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
            }
            if byte == b'\n' || self.line.len() >= LINE_BYTES {
                self.end_line();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl Drop for Stream {
    /// Logs a last line that has no line break, as a panic message may have none.
    fn drop(&mut self) {
        self.end_line();
    }
}
