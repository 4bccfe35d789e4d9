//! A process that no plugin lists would never start: the compiler warns that it is unused.

#![deny(dead_code)]

use moothall_sdk::{Process, Result, plugin, process};

struct Tutorial;

#[plugin(name = "tutorial", processes(Listed))]
impl Tutorial {}

pub struct Listed;

#[process(name = "listed")]
impl Listed {
    fn start(&self) -> Result<()> {
        self.pending()
    }
}

pub struct Forgotten;

#[process(name = "forgotten")]
impl Forgotten {
    fn start(&self) -> Result<()> {
        self.pending()
    }
}

fn main() {}
