//! The points that are not written yet, in the guest's memory. It is limited: while the server does
//! not answer, new points push out the oldest, which are counted.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use moothall_sdk::Point;

use crate::line;

/// The most lines that wait, some ten megabytes.
const WAITING: usize = 50_000;

/// The most lines of one request.
const BATCH: usize = 5_000;

thread_local! {
    static LINES: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
    static LOST: Cell<u64> = const { Cell::new(0) };
}

/// The lines of one request.
pub struct Batch {
    pub lines: usize,
    pub text: String,
}

/// Adds the points that can be written as lines.
pub fn add(points: &[Point]) {
    LINES.with_borrow_mut(|lines| {
        lines.extend(points.iter().filter_map(line::of));
        let over = lines.len().saturating_sub(WAITING);
        lines.drain(..over);
        LOST.set(LOST.get() + over as u64);
    });
}

/// The oldest lines; none if no line waits. They stay until they are removed.
pub fn first() -> Option<Batch> {
    LINES.with_borrow(|lines| {
        let batch: Vec<&str> = lines.iter().take(BATCH).map(String::as_str).collect();
        (!batch.is_empty()).then(|| Batch { lines: batch.len(), text: batch.join("\n") })
    })
}

/// Removes the oldest lines, once they are written.
pub fn remove(count: usize) {
    LINES.with_borrow_mut(|lines| drop(lines.drain(..count.min(lines.len()))));
}

/// How many lines wait.
pub fn waiting() -> usize {
    LINES.with_borrow(VecDeque::len)
}

/// How many lines were lost.
pub fn lost() -> u64 {
    LOST.get()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use moothall_sdk::Point;
    use moothall_sdk::serde_json::json;

    use super::{BATCH, WAITING, add, first, lost, remove, waiting};

    fn points(count: usize) -> Vec<Point> {
        let point = |number: usize| Point {
            series: "requests".to_owned(),
            time: "2030-01-01T00:00:00Z".parse().expect("a moment"),
            tags: BTreeMap::new(),
            fields: [("number".to_owned(), json!(number))].into(),
        };
        (0..count).map(point).collect()
    }

    #[test]
    fn the_oldest_are_written_first_and_pushed_out_first() {
        add(&points(WAITING + 3));
        assert_eq!((waiting(), lost()), (WAITING, 3));
        let batch = first().expect("lines wait");
        assert_eq!(batch.lines, BATCH);
        assert!(batch.text.starts_with("requests number=3 "), "{}", &batch.text[..50]);
        remove(WAITING);
        assert!(first().is_none());
    }
}
