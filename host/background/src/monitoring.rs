//! Monitoring points: what the host measures of each request, handed to the plugins that want it.
//!
//! Best effort, and never in a request's way: a request pushes its point into a bounded ring; a ring that is full drops
//! its oldest point and counts it. One task for each plugin hands over batches from its ring. While no plugin wants points,
//! a request costs the load of a flag.

mod point;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_queue::ArrayQueue;
use metrics::Counter;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use moothall_core::ids::{PluginName, RequestId};
use moothall_core::instance::Instance;
use moothall_core::retry::RESTART;
use moothall_core::telemetry::metric::MONITORING_DROPPED;
use moothall_engine::calls::{Calls, Mode};
use moothall_engine::communities::Community;
use moothall_engine::context::Context;
use moothall_engine::plugins::Plugin;
use moothall_guest::exports::HandlePoints;

pub use point::{Point, account};

/// Points that wait for one plugin.
const RING: usize = 10_000;
/// Points of one batch.
const BATCH: usize = 1_000;
/// A batch that is not full leaves no sooner than this after the batch before it.
const WAIT: Duration = Duration::from_secs(1);
/// How often a ring is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How often plugins that were loaded or replaced are noticed.
const PLUGINS_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Where points go.
#[derive(Default)]
pub struct Monitoring {
    is_active: AtomicBool,
    rings: ArcSwap<Vec<Arc<Ring>>>,
}

/// The points that one plugin has not been given yet.
struct Ring {
    plugin: PluginName,
    points: ArrayQueue<Point>,
    /// The counter is cached: while the ring is full, every request increments it.
    dropped: OnceLock<Counter>,
}

impl Monitoring {
    /// Whether any plugin wants points.
    pub fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Relaxed)
    }

    /// Puts the point into the ring of each plugin that wants points.
    pub fn record(&self, point: Point) {
        let rings = self.rings.load();
        let Some((last, others)) = rings.split_last() else { return };
        others.iter().for_each(|ring| ring.push(point.clone()));
        last.push(point);
    }

    fn set_rings(&self, rings: Vec<Arc<Ring>>) {
        self.is_active.store(!rings.is_empty(), Ordering::Relaxed);
        self.rings.store(Arc::new(rings));
    }
}

/// The tasks that hand points over, one for each plugin that wants points. Dropping this ends them.
pub struct PointTasks {
    monitoring: Arc<Monitoring>,
    calls: Arc<Calls>,
    context: Arc<Context>,
    by_plugin: BTreeMap<PluginName, (Arc<Ring>, AbortHandle)>,
    tasks: JoinSet<()>,
}

impl PointTasks {
    /// Begins with the plugins that serve now. Called within a runtime, and before the first request, so that it is
    /// measured too.
    pub fn new(monitoring: Arc<Monitoring>, calls: Arc<Calls>) -> Self {
        let (by_plugin, tasks) = (BTreeMap::new(), JoinSet::new());
        let mut this = Self { monitoring, context: calls.context.clone(), calls, by_plugin, tasks };
        this.poll_plugins();
        this
    }

    /// Never ends.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(PLUGINS_POLL_INTERVAL).await;
            self.poll_plugins();
        }
    }

    /// Starts the tasks of plugins that want points, ends those of plugins that do not, and starts again what has ended.
    fn poll_plugins(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        let plugins = self.context.plugins.all().into_iter();
        let wants = |one: &Arc<Plugin>| {
            one.exports("monitoring") && (!one.is_of_host() || one.serves_host())
        };
        let wanting: BTreeSet<_> = plugins.filter(wants).map(|one| one.name.clone()).collect();
        let before = self.by_plugin.len();
        self.by_plugin.retain(|name, (_, task)| {
            let stays = wanting.contains(name) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        let mut has_changed = self.by_plugin.len() != before;
        for name in wanting {
            if !self.by_plugin.contains_key(&name) {
                let ring = Arc::new(Ring::new(name.clone()));
                let task = ring.clone().hand_over_batches(self.calls.clone());
                self.by_plugin.insert(name, (ring, self.tasks.spawn(task)));
                has_changed = true;
            }
        }
        if has_changed {
            self.monitoring
                .set_rings(self.by_plugin.values().map(|(ring, _)| ring.clone()).collect());
        }
    }
}

impl Ring {
    fn new(plugin: PluginName) -> Self {
        Self { plugin, points: ArrayQueue::new(RING), dropped: OnceLock::new() }
    }

    fn push(&self, point: Point) {
        if self.points.force_push(point).is_some() {
            self.count_dropped(1);
        }
    }

    fn count_dropped(&self, points: usize) {
        let counter = || MONITORING_DROPPED.of(&[("plugin", self.plugin.as_str())]);
        self.dropped.get_or_init(counter).increment(points as u64);
    }

    /// Never ends.
    async fn hand_over_batches(self: Arc<Self>, calls: Arc<Calls>) {
        let (mut last, mut failures) = (Instant::now(), 0_u32);
        loop {
            let waiting = self.points.len();
            let is_due = waiting >= BATCH || waiting > 0 && last.elapsed() >= WAIT;
            if !is_due {
                tokio::time::sleep(POLL_INTERVAL).await;
                continue;
            }
            last = Instant::now();
            let batch: Vec<_> = std::iter::from_fn(|| self.points.pop()).take(BATCH).collect();
            let count = batch.len();
            let Some(plugin) = calls.context.plugins.get(self.plugin.as_str()) else {
                self.count_dropped(count);
                continue;
            };
            let mut failed = false;
            let parts = by_instance(&calls.context, &plugin, batch);
            if parts.is_empty() && plugin.is_of_host() {
                // It has no instance: it could not be set up.
                self.count_dropped(count);
            }
            for (instance, points) in parts {
                failed |= !self.hand_over(&calls, &plugin, instance, &points).await;
            }
            failures = if failed { failures.saturating_add(1) } else { 0 };
            if failed {
                // Meanwhile the ring drops what does not fit.
                tokio::time::sleep(RESTART.wait(failures)).await;
            }
        }
    }

    /// Hands the points to one instance; false if the call failed and they were dropped.
    async fn hand_over(
        &self,
        calls: &Arc<Calls>,
        plugin: &Arc<Plugin>,
        instance: Arc<Instance>,
        points: &[Point],
    ) -> bool {
        let text = Arc::new(point::rendered(points));
        let request = RequestId::new(&calls.context.clock);
        let call = calls.on(plugin.clone(), instance, HandlePoints(text), request).await;
        let ended = match call {
            Ok(call) => calls.run(call, Mode::Commit).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = &ended {
            let (plugin, lost) = (self.plugin.as_str(), points.len());
            tracing::debug!(%error, plugin, lost, "points were not handed over");
            self.count_dropped(lost);
        }
        ended.is_ok()
    }
}

/// The points of each instance: a plugin of host scope gets all points; each instance of another plugin gets those of its
/// community.
fn by_instance(
    context: &Context,
    plugin: &Plugin,
    batch: Vec<Point>,
) -> Vec<(Arc<Instance>, Vec<Point>)> {
    let instances = |community: Option<Arc<Community>>| -> Vec<Arc<Instance>> {
        let all = community.iter().flat_map(|community| &community.instances);
        all.filter(|one| one.plugin == plugin.name).cloned().collect()
    };
    if plugin.is_of_host() {
        let host = instances(context.communities.of_host()).pop();
        return host.map(|instance| (instance, batch)).into_iter().collect();
    }
    let mut by_community: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for point in batch {
        if let Some(slug) = point.account.as_deref().map(str::to_owned) {
            by_community.entry(slug).or_default().push(point);
        }
    }
    let of = |(slug, points): (String, Vec<Point>)| {
        let instances = instances(context.communities.get(&slug)).into_iter();
        instances.map(move |instance| (instance, points.clone()))
    };
    by_community.into_iter().flat_map(of).collect()
}
