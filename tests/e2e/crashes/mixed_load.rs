//! The host dies again and again under everything at once: actions, webhooks, processes and new configurations, whose
//! events go to a receiver that fails now and then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moothall_tests::{Answer, Driver, Receiver, Reply, TestHost, answer, until};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{MINUTE, each_completion_told_once, each_event_delivered, each_tick_once, events};

const ROUNDS: u64 = 10;
/// How many more answers each round lasts than the one before.
const ANSWERS_MORE: u64 = 8;

/// What one client does until the host dies.
struct Client {
    driver: Driver,
    answered: Arc<AtomicU64>,
}

impl Client {
    /// The answer, or nothing if the host died before it came.
    async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        let answer = Answer::read(request.send().await.ok()?).await.ok()?;
        self.answered.fetch_add(1, Ordering::Relaxed);
        Some(answer)
    }

    /// Adds one, again and again, each time with a key of its own. The one without an answer is sent again in the next
    /// round.
    async fn count(&self, counter: &str, mut counted: Additions) -> Additions {
        while let Some(answer) = self.send(increment(&self.driver, counter, counted.next)).await {
            counted.answered(&answer);
        }
        counted
    }

    /// Sends webhooks that emit an event with a number; tells those that were sent, and how many were acknowledged.
    async fn hook(&self, from: u64) -> Hooked {
        let mut hooked = Hooked::default();
        for number in from.. {
            let request = self.driver.request(Method::POST, "/api/hooks/acme/probe");
            let request = request.header("x-probe", "emit").body(number.to_string());
            hooked.sent.insert(number);
            let Some(answer) = self.send(request).await else { break };
            if is_done(&answer, 200) {
                hooked.acknowledged.insert(number);
            }
        }
        hooked
    }

    /// Starts processes that are over at once; returns where those that were acknowledged are.
    async fn vote(&self, callback: &str) -> Vec<String> {
        let vote = json!({ "closing_at": "2000-01-01T00:00:00Z", "callback_url": callback });
        let mut votes = Vec::new();
        loop {
            let request = self.driver.request(Method::POST, "/api/internal/process/probe.vote");
            let request = request.header("X-Metagov-Community", "acme").json(&vote);
            let Some(answer) = self.send(request).await else { return votes };
            if is_done(&answer, 202) {
                votes.push(answer.header("location").to_owned());
            }
        }
    }

    /// Gives the plugin one config after the other; returns the number of the one without an answer.
    async fn configure(&self, mut number: u64) -> u64 {
        loop {
            let request = self.driver.request(Method::PUT, "/api/internal/community/acme");
            let Some(answer) = self.send(request.json(&plugins(number))).await else {
                return number;
            };
            answer.expect(200);
            number += 1;
        }
    }
}

/// Whether it was done. A new config may end a call that began with the one before; then nothing was stored.
fn is_done(answer: &Answer, status: u16) -> bool {
    if answer.status == 409 {
        answer.problem(409, "instance_replaced");
        return false;
    }
    answer.expect(status);
    true
}

/// What one client added to its counter.
#[derive(Clone, Copy, Default)]
struct Additions {
    /// The number of the request that is sent next.
    next: u64,
    /// Those that were done.
    done: u64,
}

impl Additions {
    fn answered(&mut self, answer: &Answer) {
        self.next += 1;
        self.done += u64::from(is_done(answer, 200));
    }
}

#[derive(Default)]
struct Hooked {
    sent: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
}

/// What was done to the host in all rounds.
#[derive(Default)]
struct Done {
    counts: [Additions; 2],
    hooked: Hooked,
    votes: Vec<String>,
    /// The number of the next config.
    config: u64,
}

fn increment(driver: &Driver, counter: &str, number: u64) -> RequestBuilder {
    driver
        .action_request("acme", "probe.increment", json!({ "key": counter, "by": 1 }))
        .header("Idempotency-Key", format!("{counter}-{number}"))
}

fn plugins(number: u64) -> Value {
    let config = json!({ "emit_ticks": true, "note": number.to_string() });
    json!({ "plugins": [{ "name": "probe", "config": config }] })
}

/// Everything at once, until the host has answered enough and dies.
async fn one_round(host: &mut TestHost, round: u64, callbacks: &str, done: &mut Done) {
    let answered = Arc::new(AtomicU64::new(0));
    let client = Client { driver: (**host).clone(), answered: answered.clone() };
    let next_webhook = done.hooked.sent.last().map_or(0, |last| last + 1);
    let kill = async {
        host.advance(MINUTE);
        until("enough is answered", async || {
            (answered.load(Ordering::Relaxed) > round * ANSWERS_MORE).then_some(())
        })
        .await;
        host.kill_9();
    };
    let (first, second, hooked, votes, config, ()) = tokio::join!(
        client.count("first", done.counts[0]),
        client.count("second", done.counts[1]),
        client.hook(next_webhook),
        client.vote(callbacks),
        client.configure(done.config),
        kill
    );
    done.counts = [first, second];
    done.hooked.sent.extend(hooked.sent);
    done.hooked.acknowledged.extend(hooked.acknowledged);
    done.votes.extend(votes);
    host.advance(MINUTE);
    host.restart().await;
    done.config = configured(host, config).await + 1;
}

/// Checks that the plugin has the last acknowledged config or the one that was not answered, and stored what config it
/// replaced; returns its number.
async fn configured(host: &TestHost, unanswered: u64) -> u64 {
    let me = host.result("acme", "probe.whoami", json!({})).await;
    let number: u64 =
        me["config"]["note"].as_str().and_then(|note| note.parse().ok()).expect("a number");
    assert!(number + 1 == unanswered || number == unanswered, "{number} of {unanswered}");
    if number > 0 {
        let replaced = host.result("acme", "probe.get", json!({ "key": "changed" })).await;
        assert_eq!(replaced["value"], (number - 1).to_string(), "what {number} replaced");
    }
    number
}

/// Fails one request of three, in two ways.
fn flaky(receiver: &Receiver) {
    let replies = [Reply::Status(200), Reply::Status(500), Reply::Status(200), Reply::Close];
    let replies = replies.into_iter().chain([Reply::Status(200), Reply::Status(200)]);
    receiver.script(std::iter::repeat_n(replies, 200).flatten());
}

#[tokio::test]
async fn nothing_is_lost_or_done_twice_under_mixed_load() {
    let (driver, callbacks) = (Receiver::start().await, Receiver::start().await);
    let setup = TestHost::with(&["probe"]).env("DRIVER_EVENT_RECEIVER_URL", &driver.url);
    let mut host = setup.start().await;
    host.put("/api/internal/community/acme", plugins(0)).await.expect(201);
    let mut done = Done { config: 1, ..Done::default() };
    for round in 0..ROUNDS {
        flaky(&driver);
        one_round(&mut host, round, &callbacks.url, &mut done).await;
    }
    let processes = completed(&host, &done.votes).await;
    each_counted_once(&host, &done).await;
    each_webhook_once(&host, &done.hooked).await;
    each_tick_once(&host).await;
    host.put_community("acme", json!([])).await.expect(200);
    delivered(&host).await;
    each_event_delivered(&events(&host, "*").await, &driver.received());
    each_completion_told_once(&processes, &callbacks.received());
}

async fn completed(host: &TestHost, votes: &[String]) -> Vec<Value> {
    let mut processes = Vec::new();
    for vote in votes {
        let process = until("the closing time is kept", async || {
            host.advance(Duration::from_secs(1));
            let process = host.get(vote).await.expect(200);
            (process["status"] == "completed").then_some(process)
        });
        processes.push(process.await);
    }
    processes
}

/// Sends again what had no answer; then each number was added exactly once.
async fn each_counted_once(host: &TestHost, done: &Done) {
    for (counter, mut counted) in ["first", "second"].into_iter().zip(done.counts) {
        counted.answered(&answer(increment(host, counter, counted.next)).await);
        let count = host.result("acme", "probe.get", json!({ "key": counter })).await;
        assert_eq!(count["value"], counted.done, "each number of '{counter}' counts once");
    }
}

/// Checks that each webhook that was acknowledged has its event and is counted, that none has two, and that the count
/// and the events were stored together.
async fn each_webhook_once(host: &TestHost, hooked: &Hooked) {
    let events = events(host, "hooked").await;
    let numbers: Vec<u64> = events
        .iter()
        .map(|event| event["data"]["body"].as_str().and_then(|body| body.parse().ok()))
        .map(|number| number.expect("the number that was sent"))
        .collect();
    let once: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), once.len(), "no webhook has two events");
    assert!(hooked.acknowledged.is_subset(&once), "acknowledged, so stored");
    assert!(once.is_subset(&hooked.sent));
    let count = host.result("acme", "probe.get", json!({ "key": "webhooks" })).await;
    assert_eq!(count["value"], numbers.len(), "as many are counted as have events");
}

/// Waits until nothing waits for delivery and nothing was given up.
async fn delivered(host: &TestHost) {
    until("everything is delivered", async || {
        host.advance(MINUTE);
        let waiting = host.get("/api/internal/deliveries?state=waiting").await.expect(200);
        (waiting["deliveries"] == json!([])).then_some(())
    })
    .await;
    let dead = host.get("/api/internal/deliveries?state=dead").await.expect(200);
    assert_eq!(dead["deliveries"], json!([]));
}
