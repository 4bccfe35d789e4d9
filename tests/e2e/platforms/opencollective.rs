//! The plugin `opencollective` with Open Collective.

mod consent;
mod votes;

use moothall_tests::platforms::opencollective::{
    COLLECTIVE, OpenCollective, PROJECT, TOKEN, account,
};
use moothall_tests::platforms::traffic::Mishap;
use moothall_tests::{TestHost, until};
use serde_json::{Value, json};

const HOOK: &str = "/api/hooks/acme/opencollective";

async fn bare(more: &str) -> (TestHost, OpenCollective) {
    let platform = OpenCollective::start().await;
    let toml = platform.toml(more);
    let host = TestHost::with(&["opencollective"]).toml(&toml).start().await;
    (host, platform)
}

async fn scene() -> (TestHost, OpenCollective) {
    let (host, platform) = bare("").await;
    host.community("acme", "opencollective", config()).await;
    (host, platform)
}

fn config() -> Value {
    json!({ "access_token": TOKEN, "collective_slug": COLLECTIVE })
}

async fn events(host: &TestHost, count: usize) -> Vec<Value> {
    until("the events are there", async || {
        let page = host.get("/api/internal/events").await.expect(200);
        let events = page["events"].as_array().expect("a list").clone();
        (events.len() >= count).then_some(events)
    })
    .await
}

#[tokio::test]
async fn only_a_collective_that_the_token_finds_is_taken() {
    let (host, platform) = bare("").await;
    host.put_community("acme", json!([])).await.expect(201);
    let enable = async |token: &str, slug: &str| {
        let config = json!({ "access_token": token, "collective_slug": slug });
        host.enable("acme", "opencollective", config).await
    };
    let said = enable(TOKEN, "nowhere").await.problem(400, "invalid");
    assert!(said.contains("Collective 'nowhere' not found."), "{said}");
    enable("expired", COLLECTIVE).await.problem(401, "unauthorized");
    enable(TOKEN, COLLECTIVE).await.expect(201);
    assert_eq!(platform.webhooks(), Vec::<String>::new(), "nobody said where the host is");
}

#[tokio::test]
async fn the_webhook_is_registered_once() {
    let (host, platform) = bare(", public_url = \"https://plugins.example\"").await;
    host.community("acme", "opencollective", config()).await;
    let url = format!("https://plugins.example{HOOK}");
    assert_eq!(platform.webhooks(), std::slice::from_ref(&url));
    host.delete("/api/internal/community/acme").await.expect(204);
    host.community("acme", "opencollective", config()).await;
    assert_eq!(platform.webhooks(), [url]);

    let mut unguessable = config();
    unguessable["webhook_slug"] = "s3cret".into();
    let plugins = json!([{ "name": "opencollective", "config": unguessable }]);
    host.put_community("acme", plugins).await.expect(200);
    assert_eq!(platform.webhooks()[1], format!("https://plugins.example{HOOK}/s3cret"));

    let stranger = account("eve", "Eve", &[(COLLECTIVE, "BACKER")]);
    platform.has_account("token-of-eve", stranger);
    host.put_community("other", json!([])).await.expect(201);
    let config = json!({ "access_token": "token-of-eve", "collective_slug": COLLECTIVE });
    host.enable("other", "opencollective", config).await.problem(403, "forbidden");
}

#[tokio::test]
async fn members_are_listed_of_all_pages() {
    let (host, platform) = scene().await;
    platform.has_members(230);
    let found = host.result("acme", "opencollective.list-members", json!({})).await;
    let accounts = found["accounts"].as_array().expect("a list");
    assert_eq!((accounts.len(), &accounts[229]["slug"]), (230, &json!("member-229")));
}

#[tokio::test]
async fn conversations_and_comments_are_created() {
    let (host, platform) = scene().await;
    let perform =
        async |action: &str, parameters: Value| host.action("acme", action, parameters).await;
    let parameters =
        json!({ "title": "Which nails?", "raw": "<p>Long ones.</p>", "tags": ["tools"] });
    let made = perform("opencollective.create-conversation", parameters).await.expect(200);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(made["url"], format!("{}/makers/conversations/which-nails--{id}", platform.url));
    assert_eq!((&made["tags"], &made["summary"]), (&json!(["tools"]), &json!("<p>Long ones.</p>")));

    let comment = json!({ "raw": "<p>Short ones.</p>", "conversation_id": id });
    let made = perform("opencollective.create-comment", comment).await.expect(200);
    assert_eq!(made["html"], "<p>Short ones.</p>");
    platform.submits(COLLECTIVE);
    perform("opencollective.create-comment", json!({ "raw": "Why?", "expense_id": "ex_702" }))
        .await
        .expect(200);
    let on: Vec<_> = platform
        .comments()
        .iter()
        .map(|one| (one["conversation"]["id"].clone(), one["expense"]["id"].clone()))
        .collect();
    assert_eq!(on, [(json!(id), Value::Null), (Value::Null, json!("ex_702"))]);

    perform("opencollective.create-comment", json!({ "raw": "Where?" }))
        .await
        .problem(400, "invalid");
    perform("opencollective.create-comment", json!({ "raw": "Why?", "expense_id": "ex_1" }))
        .await
        .problem(404, "not_found");
    perform("opencollective.create-conversation", json!({ "title": "", "raw": "x" }))
        .await
        .problem(400, "invalid");
}

#[tokio::test]
async fn expenses_are_approved_unapproved_and_rejected() {
    let (host, platform) = scene().await;
    platform.submits(COLLECTIVE);
    platform.submits(PROJECT);
    platform.submits("others");
    let process = async |id: &str, action: &str| {
        let parameters = json!({ "expense_id": id, "action": action });
        host.action("acme", "opencollective.process-expense", parameters).await
    };
    let approved = process("ex_701", "APPROVE").await.expect(200);
    assert_eq!(approved["status"], "APPROVED");
    assert_eq!(approved["url"], format!("{}/makers/expenses/701", platform.url));
    assert_eq!(process("ex_701", "UNAPPROVE").await.expect(200)["status"], "PENDING");
    let project = process("ex_703", "REJECT").await.expect(200);
    assert_eq!(project["url"], format!("{}/makers/makers-garden/expenses/703", platform.url));
    process("ex_703", "APPROVE").await.problem(403, "forbidden");
    process("ex_705", "APPROVE").await.problem(403, "forbidden");
    process("ex_1", "APPROVE").await.problem(404, "not_found");
    process("ex_701", "PAY").await.problem(400, "invalid_parameters");
}

#[tokio::test]
async fn what_happens_to_an_expense_is_an_event_as_open_collective_tells_it() {
    let (host, platform) = scene().await;
    let created = platform.submits(COLLECTIVE);
    host.post(HOOK, created.clone()).await.expect(200);
    host.post(HOOK, created).await.expect(200);
    host.post(HOOK, platform.does(701, "approved", "bob")).await.expect(200);
    host.post(HOOK, platform.submits(PROJECT)).await.expect(200);
    let told = events(&host, 3).await;
    assert_eq!(told.len(), 3, "what is sent twice is told once: {told:?}");
    let shown = |event: &Value| {
        (
            event["event_type"].clone(),
            event["initiator"]["user_id"].clone(),
            event["data"]["url"].clone(),
        )
    };
    let base = &platform.url;
    let own = json!(format!("{base}/makers/expenses/701"));
    assert_eq!(shown(&told[0]), (json!("expense_created"), json!("ann"), own.clone()));
    assert_eq!(shown(&told[1]), (json!("expense_approved"), json!("bob"), own));
    assert_eq!(told[1]["initiator"]["provider"], "opencollective");
    let project = json!(format!("{base}/makers/makers-garden/expenses/704"));
    assert_eq!(shown(&told[2]), (json!("expense_created"), json!("ann"), project));
    assert_eq!(told[0]["data"]["payee"]["slug"], "ann", "the body of the webhook has no payee");
}

#[tokio::test]
async fn a_webhook_is_believed_in_nothing() {
    let (host, platform) = scene().await;
    let of_others = platform.submits("others");
    let refused = host.post(HOOK, of_others).await.problem(400, "invalid");
    assert!(refused.contains("not one of 'makers'"), "{refused}");
    let mut forged = platform.submits(COLLECTIVE);
    forged["data"]["expense"]["id"] = 1.into();
    host.post(HOOK, forged.clone()).await.problem(400, "invalid");
    let mut paid = platform.submits(COLLECTIVE);
    paid["type"] = "collective.expense.paid".into();
    let refused = host.post(HOOK, paid).await.problem(503, "unavailable");
    assert!(refused.contains("shows no activity `paid` of the expense"), "{refused}");
    forged["data"] = json!({});
    host.post(HOOK, forged).await.problem(400, "invalid");
    let other = json!({ "type": "collective.update.published", "createdAt": "x", "CollectiveId": 11, "data": {} });
    host.post(HOOK, other).await.expect(200);
    host.post(HOOK, platform.does(703, "rejected", "bob")).await.expect(200);
    let told = events(&host, 1).await;
    assert_eq!((told.len(), &told[0]["event_type"]), (1, &json!("expense_rejected")));
}

#[tokio::test]
async fn open_collective_in_trouble_is_waited_for_or_said_to_be() {
    let (host, platform) = scene().await;
    let members = async || host.action("acme", "opencollective.list-members", json!({})).await;
    let wait = Mishap::With(429, "retry-after", "1".to_owned());
    platform.traffic.befalls("/graphql", wait);
    members().await.expect(200);
    platform.traffic.befalls("/graphql", Mishap::Status(502, "<html>"));
    members().await.problem(503, "unavailable");
    let limited = "{\"errors\":[{\"message\":\"Rate limit exceeded\",\"extensions\":{\"code\":\"RateLimitExceeded\"}}]}";
    platform.traffic.befalls("/graphql", Mishap::Status(200, limited));
    assert!(members().await.problem(503, "unavailable").contains("Rate limit exceeded"));
    for nonsense in ["[]", "{\"data\":null}", "not JSON"] {
        platform.traffic.befalls("/graphql", Mishap::Status(200, nonsense));
        let failed = members().await;
        assert_eq!(failed.status, 500, "{nonsense}: {}", failed.text);
    }
    platform.traffic.befalls("/graphql", Mishap::Status(401, "{}"));
    members().await.problem(401, "unauthorized");
    members().await.expect(200);
}
