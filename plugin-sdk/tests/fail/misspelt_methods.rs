//! A method whose name is nearly one that the host calls would never be called.

use moothall_sdk::{Plugin, Process, Result, WebhookRequest, plugin, process};

struct Tutorial;

#[plugin(name = "tutorial", processes(Vote, Draw))]
impl Tutorial {
    fn initialise(&self) -> Result<()> {
        self.state().set("a", &1)
    }

    fn on_config_change(&self) -> Result<()> {
        Ok(())
    }

    #[action(slug = "finish")]
    fn finish(&self) -> Result<()> {
        self.closed()
    }

    /// The plugin's own method, because another one calls it.
    fn closed(&self) -> Result<()> {
        Ok(())
    }
}

struct Vote;

#[process(name = "vote")]
impl Vote {
    fn strat(&self) -> Result<()> {
        self.pending()
    }

    fn recieve_webhook(&self, _request: WebhookRequest) -> Result<()> {
        Ok(())
    }

    fn state_of(&self) -> u32 {
        1
    }
}

struct Draw;

#[process(name = "draw")]
impl Draw {
    fn start(&self) -> Result<()> {
        Ok(())
    }

    fn initialize(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
