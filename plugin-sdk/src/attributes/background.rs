//! The attributes of methods that no driver and no platform calls: the host does, on a schedule, for an event, or before
//! it carries something out.

/// A platform without webhooks, whose new posts the host lets the plugin fetch each half minute:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::http;
/// use moothall_sdk::testing::{Answer, Host};
///
/// #[derive(Event, Serialize, JsonSchema)]
/// #[event("posted")]
/// struct Posted {
///     post: u64,
/// }
///
/// struct Blog;
///
/// #[plugin(name = "blog", requests(http("blog.example")))]
/// impl Blog {
///     #[producer(every = "30s", jitter = "5s", events(Posted))]
///     fn poll(&self) -> Result<()> {
///         let posts: Vec<u64> = http::get("https://blog.example/posts").send()?.json()?;
///         for post in posts {
///             // Fetched again or not, a post becomes one event.
///             self.events().event(&Posted { post })?.dedupe_key(format!("post-{post}")).emit()?;
///         }
///         Ok(())
///     }
/// }
///
/// let posts = Answer::ok().json(&[3, 4]);
/// let mut host = Host::new(Blog).answer("GET", "https://blog.example/posts", posts);
/// host.tick().expect("two posts");
/// assert_eq!(host.events().len(), 2);
/// ```
///
pub use moothall_sdk_macros::producer;

/// A reminder on Mondays at nine:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::testing::Host;
///
/// struct Reminder;
///
/// #[plugin(name = "reminder")]
/// impl Reminder {
///     #[schedule(name = "weekly", cron = "0 9 * * 1", time_zone = "Europe/Berlin")]
///     fn remind(&self, scheduled_at: Moment) -> Result<()> {
///         self.state().set("reminded", &scheduled_at)
///     }
/// }
///
/// let mut host = Host::new(Reminder);
/// host.schedule("weekly", "2030-01-07T08:00:00Z").expect("reminded");
/// assert_eq!(host.state("reminded"), Some(json!("2030-01-07T08:00:00Z")));
/// ```
///
pub use moothall_sdk_macros::schedule;

/// A worker that counts changes which came by the API, each once:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::{Change, Envelope};
/// use moothall_sdk::testing::Host;
///
/// struct Auditor;
///
/// #[plugin(name = "auditor")]
/// impl Auditor {
///     #[worker(name = "count", events("api.change"))]
///     fn count(&self, event: Envelope) -> Result<()> {
///         let change: Change = event.data()?;
///         let key = format!("changes/{}", change.resource.unwrap_or_default());
///         let changes = self.state().get::<u64>(&key)?.unwrap_or(0) + 1;
///         self.state().set(&key, &changes)
///     }
/// }
///
/// let change = json!({
///     "id": "evt_1", "source": "api", "event_type": "change", "data": { "resource": "community" }
/// });
/// let mut host = Host::new(Auditor);
/// let change = moothall_sdk::serde_json::from_value(change).expect("an event");
/// host.handle("count", change).expect("handled");
/// assert_eq!(host.state("changes/community"), Some(json!(1)));
/// ```
///
pub use moothall_sdk_macros::worker;

/// A step of the hook that the host runs before an action:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::Verdict;
/// use moothall_sdk::testing::Host;
///
/// #[derive(Deserialize)]
/// struct Requested {
///     action: String,
/// }
///
/// struct Curfew;
///
/// #[plugin(name = "curfew")]
/// impl Curfew {
///     #[filter(hook = "org.moothall.action.requested.v1", fail_silently = false)]
///     fn guard(&self, Requested { action }: Requested) -> Result<Verdict> {
///         if action == "party" {
///             return Ok(Verdict::halt("PreventAction", "not after ten"));
///         }
///         Ok(Verdict::pass())
///     }
/// }
///
/// let mut host = Host::new(Curfew);
/// let verdict = host.filter("org.moothall.action.requested.v1", json!({ "action": "sleep" }));
/// assert_eq!(verdict, Ok(Verdict::pass()));
/// ```
///
pub use moothall_sdk_macros::filter;

/// A resident plugin that adds up how many requests the host has had:
///
/// ```
/// use moothall_sdk::prelude::*;
/// use moothall_sdk::Point;
/// use moothall_sdk::testing::Host;
///
/// struct Load;
///
/// #[plugin(name = "load", scope = "host")]
/// impl Load {
///     #[monitoring]
///     fn points(&self, points: Vec<Point>) -> Result<()> {
///         let requests = points.iter().filter(|point| point.series == "requests").count();
///         let earlier = self.state().get::<usize>("requests")?.unwrap_or(0);
///         self.state().set("requests", &(earlier + requests))
///     }
/// }
///
/// let point = json!({ "series": "requests", "time": "2030-01-01T00:00:00Z" });
/// let mut host = Host::new(Load);
/// let point: Point = moothall_sdk::serde_json::from_value(point).expect("a point");
/// host.points(vec![point.clone(), point]).expect("taken");
/// assert_eq!(host.state("requests"), Some(json!(2)));
/// ```
///
pub use moothall_sdk_macros::monitoring;
