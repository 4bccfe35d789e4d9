//! A process has a name and a start, and its functions have their own signatures.

use moothall_sdk::{Result, process};

struct Nameless;

#[process]
impl Nameless {
    fn update(&self) -> Result<()> {
        Ok(())
    }
}

struct Vote;

#[process(name = "vote", outcome = "text")]
impl Vote {
    fn start(&mut self, title: String, options: Vec<String>) -> Result<()> {
        drop((title, options));
        Ok(())
    }

    fn close(&self) -> Result<u32> {
        Ok(1)
    }

    fn receive_webhook(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
