//! How many requests to one host and port are in flight at once: more wait, and hold up no other
//! host. An entry lasts as long as somebody holds or waits for a turn on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{CheckedUrl, EgressError};

type Hosts = Arc<Mutex<HashMap<String, Arc<Semaphore>>>>;

pub struct Turns {
    at_once: usize,
    hosts: Hosts,
}

/// A turn on a host, or the wait for one.
pub struct Turn {
    hosts: Hosts,
    host: String,
    /// None once it is given back.
    waiting: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub fn new(at_once: usize) -> Self {
        Self { at_once: at_once.clamp(1, Semaphore::MAX_PERMITS), hosts: Hosts::default() }
    }

    pub async fn take(&self, url: &CheckedUrl) -> Result<Turn, EgressError> {
        let (mut turn, semaphore) = self.queue(format!("{}:{}", url.host(), url.port()));
        let permit = semaphore.acquire_owned().await;
        turn.permit = Some(permit.map_err(|_| EgressError::Broken("the host stops".into()))?);
        Ok(turn)
    }

    fn queue(&self, host: String) -> (Turn, Arc<Semaphore>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Semaphore::new(self.at_once));
        let semaphore = hosts.entry(host.clone()).or_insert_with(new).clone();
        let waiting = Some(semaphore.clone());
        (Turn { hosts: self.hosts.clone(), host, waiting, permit: None }, semaphore)
    }

    #[cfg(test)]
    pub fn hosts(&self) -> usize {
        self.hosts.lock().unwrap().len()
    }
}

impl Drop for Turn {
    /// Also when the wait is given up. Whoever is last here removes the entry; the count is looked
    /// at under the lock that new ones are counted in under.
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        self.waiting = None;
        if hosts.get(&self.host).is_some_and(|left| Arc::strong_count(left) == 1) {
            hosts.remove(&self.host);
        }
    }
}
