//! A process that no plugin lists would never start, and has no configuration.

use moothall_sdk::{Instance, Plugin, Process, Result, plugin, process};

struct Tutorial;

#[plugin(name = "tutorial", processes(Listed))]
impl Tutorial {
    fn initialize(&self) -> Result<()> {
        note(self).and_then(|()| note(&Listed))
    }
}

struct Listed;

#[process(name = "listed")]
impl Listed {
    fn start(&self) -> Result<()> {
        self.pending()
    }
}

struct Forgotten;

#[process(name = "forgotten")]
impl Forgotten {
    fn start(&self) -> Result<()> {
        self.pending()
    }
}

struct Stranger;

fn note<P: Plugin>(instance: &impl Instance<P>) -> Result<()> {
    instance.instance_state().set("noted", &true)
}

fn strange() -> Result<()> {
    note::<Tutorial>(&Stranger)
}

fn main() {
    drop(strange());
}
