//! Limits how many requests are sent at once: to one host and port, of one plugin, of all plugins.
//! Others wait, and delay nobody else.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::{CheckedUrl, EgressError, Sender, until};
use moothall_core::config::EgressConfig;
use moothall_core::pace::{Pace, Paces};

/// A queue for each key. An entry lasts as long as somebody holds a permit of it or waits for one.
pub struct Permits<K> {
    at_once: usize,
    queues: Queues<K>,
}

type Queues<K> = Arc<Mutex<HashMap<K, Arc<Semaphore>>>>;

/// A permit, or the wait for one.
pub struct QueuedPermit<K: Eq + Hash> {
    queues: Queues<K>,
    key: K,
    /// None once it is returned.
    waiting: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl<K: Clone + Eq + Hash> Permits<K> {
    pub fn new(at_once: usize) -> Self {
        Self { at_once: permits(at_once), queues: Queues::default() }
    }

    pub async fn take(&self, key: K) -> Result<QueuedPermit<K>, EgressError> {
        let (mut queued, semaphore) = self.queue(key);
        queued.permit = Some(permit_of(semaphore).await?);
        Ok(queued)
    }

    fn queue(&self, key: K) -> (QueuedPermit<K>, Arc<Semaphore>) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(self.at_once));
        let semaphore = queues.entry(key.clone()).or_insert_with(new).clone();
        let waiting = Some(semaphore.clone());
        (QueuedPermit { queues: self.queues.clone(), key, waiting, permit: None }, semaphore)
    }

    #[cfg(test)]
    pub fn keys(&self) -> usize {
        self.queues.lock().unwrap().len()
    }
}

impl<K: Eq + Hash> Drop for QueuedPermit<K> {
    /// Also runs when the wait is given up. The last one removes the entry; the count is read under
    /// the lock under which new ones are added.
    fn drop(&mut self) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        self.waiting = None;
        if queues.get(&self.key).is_some_and(|left| Arc::strong_count(left) == 1) {
            queues.remove(&self.key);
        }
    }
}

fn permits(at_once: usize) -> usize {
    at_once.clamp(1, Semaphore::MAX_PERMITS)
}

async fn permit_of(semaphore: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, EgressError> {
    let permit = semaphore.acquire_owned().await;
    permit.map_err(|_| EgressError::Broken("the host stops".into()))
}

/// The permits of all senders.
pub struct Admission {
    /// For each sender and each host and port.
    pub hosts: Permits<(Sender, String)>,
    /// For each plugin: three quarters of those of all plugins.
    plugins: Permits<Sender>,
    all_plugins: Pool,
    hooks: Pool,
}

/// Connections that several senders share. Slow hosts leave some to quick ones.
struct Pool {
    setting: &'static str,
    all: Arc<Semaphore>,
    paces: Arc<Paces<String>>,
}

/// A connection of a pool.
struct Connection {
    _one: OwnedSemaphorePermit,
    _pace: Pace,
    paces: Arc<Paces<String>>,
    host: String,
    since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.paces.ended(&self.host, self.since.elapsed());
    }
}

/// The permits of a request that may be sent now. Dropping it admits the next one.
pub struct Admitted {
    _to_host: QueuedPermit<(Sender, String)>,
    _of_plugin: Option<QueuedPermit<Sender>>,
    _of_all: Option<Connection>,
}

impl Admission {
    pub fn new(config: &EgressConfig) -> Self {
        let all = permits(config.connections);
        Self {
            hosts: Permits::new(config.connections_per_host),
            plugins: Permits::new(all - all / 4),
            all_plugins: Pool::new("connections", all),
            hooks: Pool::new("hook_connections", permits(config.hook_connections)),
        }
    }

    /// Takes the shared permits last, so that a request that waits for its own holds none of them.
    pub async fn take(
        &self,
        sender: &Sender,
        url: &CheckedUrl,
        end: Instant,
    ) -> Result<Admitted, EgressError> {
        let host = format!("{}:{}", url.host(), url.port());
        let to_host = self.hosts.take((sender.clone(), host.clone()));
        let to_host = until(end, "waiting for other requests to the same host", to_host).await??;
        let mut of_plugin = None;
        let all = match sender {
            // `[delivery] in_flight` limits these.
            Sender::Deliveries => None,
            Sender::Hooks => Some(&self.hooks),
            Sender::Plugin(_) => {
                let permit = self.plugins.take(sender.clone());
                of_plugin =
                    Some(until(end, "waiting for other requests of the plugin", permit).await??);
                Some(&self.all_plugins)
            }
        };
        let of_all = match all {
            None => None,
            Some(pool) => Some(pool.one(host, end).await?),
        };
        Ok(Admitted { _to_host: to_host, _of_plugin: of_plugin, _of_all: of_all })
    }
}

impl Pool {
    fn new(setting: &'static str, all: usize) -> Self {
        let (paces, all) = (Arc::new(Paces::of(all)), Arc::new(Semaphore::new(all)));
        Self { setting, all, paces }
    }

    /// Takes a connection. If none is free in time, the host is exhausted.
    async fn one(&self, host: String, end: Instant) -> Result<Connection, EgressError> {
        let both = async { (self.paces.begin(&host).await, permit_of(self.all.clone()).await) };
        let Ok((pace, one)) = until(end, "waiting for a connection", both).await else {
            return Err(EgressError::Exhausted(format!(
                "no outbound connection was free in time: all are in use, or those are that hosts which were slow may have \
                 together ({} in [egress])",
                self.setting
            )));
        };
        let (paces, since) = (self.paces.clone(), Instant::now());
        Ok(Connection { _one: one?, _pace: pace, paces, host, since })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use moothall_core::endpoint::AttemptError;

    #[tokio::test]
    async fn hosts_that_are_slow_leave_connections_to_the_quick() {
        let pool = Pool::new("connections", 8);
        pool.paces.ended(&"slow:80".into(), Duration::from_secs(9));
        pool.paces.ended(&"quick:80".into(), Duration::from_millis(9));
        let one =
            |host: &str, ms| pool.one(host.into(), Instant::now() + Duration::from_millis(ms));
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(one("slow:80", 60_000).await.expect("three quarters are there"));
        }
        let refused = one("slow:80", 50).await.err().expect("they have no more");
        assert_eq!(refused.class(), AttemptError::Exhausted);
        held.push(one("quick:80", 60_000).await.expect("there is room for it"));
        held.push(one("quick:80", 60_000).await.expect("and again"));
        assert!(one("quick:80", 50).await.is_err(), "all are in use");
        held.clear();
        one("quick:80", 60_000).await.expect("they are given back");
    }
}
