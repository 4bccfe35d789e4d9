//! Where a project serves while it is developed: on a host of its own, or on a running one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DevArgs;
use super::running_host::RunningHost;
use crate::cli::plugin::dev_file::DevFile;
use crate::cli::plugin::host_client::HostClient;
use crate::cli::plugin::tail::{Lines, Since, Tail, Watched};
use crate::cli::plugin::temporary_host::{COMMUNITY, LogDisplay, TemporaryHost};

/// A host with the project's plugin, and what happens to it.
pub struct Serving {
    /// Ends before its host does.
    _tail: Tail,
    at: At,
}

enum At {
    OwnHost(Box<TemporaryHost>),
    RunningHost(Box<RunningHost>),
}

impl Serving {
    pub fn start(
        args: &DevArgs,
        (wasm, dev): (&Path, &DevFile),
        lines: &Arc<Lines>,
    ) -> anyhow::Result<Self> {
        let at = match (&args.host, &args.plugins) {
            (Some(url), Some(plugins)) => {
                let client = HostClient::with_key_file(url, args.key_file.as_deref())?;
                let community = args.community.as_deref().unwrap_or(COMMUNITY).to_owned();
                let host = RunningHost::start(client, plugins.clone(), community, (wasm, dev))?;
                At::RunningHost(Box::new(host))
            }
            _ => {
                let shown = LogDisplay::Among(lines.clone());
                let host = TemporaryHost::start_showing(wasm, dev, &args.listen, shown)?;
                At::OwnHost(Box::new(host))
            }
        };
        let since = match at {
            At::OwnHost(_) => Since::Beginning,
            At::RunningHost(_) => Since::Now,
        };
        Ok(Self { _tail: Tail::begin(at.watched(), since, lines)?, at })
    }

    /// Replaces the version that serves. If the plugin has another name then, what happens to that one is shown.
    pub fn replace(&mut self, wasm: &Path, lines: &Arc<Lines>) -> anyhow::Result<()> {
        let before = self.plugin().to_owned();
        match &mut self.at {
            At::OwnHost(host) => host.replace(wasm)?,
            At::RunningHost(host) => host.replace(wasm)?,
        }
        if self.plugin() != before {
            self._tail = Tail::begin(self.at.watched(), Since::Now, lines)?;
        }
        Ok(())
    }

    pub fn plugin(&self) -> &str {
        match &self.at {
            At::OwnHost(host) => &host.plugin,
            At::RunningHost(host) => &host.plugin,
        }
    }

    /// Of the host.
    pub fn client(&self) -> &HostClient {
        match &self.at {
            At::OwnHost(host) => &host.client,
            At::RunningHost(host) => &host.client,
        }
    }

    /// What the author is told first.
    pub fn told(&self) -> String {
        let Watched { client, community, plugin } = self.at.watched();
        format!("`{plugin}` serves at {} for the community `{community}`", client.url())
    }

    /// How the host has ended, if it is one that ends with this command.
    pub fn ended(&mut self) -> Option<String> {
        match &mut self.at {
            At::OwnHost(host) => host.ended(),
            At::RunningHost(_) => None,
        }
    }

    /// The file that stays when the command ends.
    pub fn stays(&self) -> Option<PathBuf> {
        match &self.at {
            At::OwnHost(_) => None,
            At::RunningHost(host) => Some(host.file()),
        }
    }
}

impl At {
    fn watched(&self) -> Watched {
        let (client, community, plugin) = match self {
            Self::OwnHost(host) => (&host.client, COMMUNITY, &host.plugin),
            Self::RunningHost(host) => (&host.client, host.community.as_str(), &host.plugin),
        };
        Watched { client: client.clone(), community: community.to_owned(), plugin: plugin.clone() }
    }
}
