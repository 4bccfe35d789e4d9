//! Visits that are not the person's own: HEAD requests, prefetches, repeated visits, forms of other
//! sites.

use moothall_tests::{Answer, Browser};
use serde_json::json;
use url::{Url, form_urlencoded};

use super::scene::{APP, Scene, TOKEN, USER, app, parameter, refused, user};

/// The header of a browser's prefetch.
const AHEAD: [(&str, &str); 5] = [
    ("Sec-Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch;prerender"),
    ("Purpose", "prefetch"),
    ("Purpose", "prerender"),
    ("X-Moz", "prefetch"),
];

#[tokio::test]
async fn a_look_or_a_fetch_ahead_of_a_visit_uses_nothing_up() {
    let mut scene = Scene::with("[oauth]\nflows_per_ticket = 1").await;
    scene.enabled("acme").await;
    let driver = scene.driver().await;
    let url = scene.start(&driver, &USER).await;
    scene.code(user("U1"));
    let looked = scene.browser.head(&url).await;
    assert_eq!((looked.status, looked.header("set-cookie")), (200, ""));
    for ahead in AHEAD {
        scene.browser.visit_as(&url, ahead).await.page(503, "prefetch");
    }
    assert_eq!(scene.browser.cookies(), 0, "nothing has begun");
    let leaving = scene.browser.visit(&url).await;
    let callback = scene.over_the_platform(&leaving).await;
    assert_eq!(scene.browser.head(&callback).await.status, 200);
    for ahead in AHEAD {
        scene.browser.visit_as(&callback, ahead).await.page(503, "prefetch");
    }
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
    let nobody = url.replace("/auth/consent/", "/auth/nobody/");
    assert_eq!(scene.browser.head(&nobody).await.status, 404);
}

#[tokio::test]
async fn a_ticket_begins_flows_until_one_has_completed() {
    let mut scene = Scene::new().await;
    let driver = scene.driver().await;
    let url = scene.start(&driver, &APP).await;
    scene.code(app(json!({ "token": TOKEN })));
    // A program that reads the message with the link, an extra click, and a refusal.
    Browser::default().visit(&url).await.expect(303);
    let early = scene.browser.visit(&url).await;
    let early = scene.over_the_platform(&early).await;
    scene.platform.will_answer(&[("error", "access_denied")]);
    let refusal = scene.browser.visit(&url).await;
    let refusal = scene.over_the_platform(&refusal).await;
    refused(&Browser::sent_on(&scene.browser.visit(&refusal).await), "access_denied");

    scene.code(app(json!({ "token": TOKEN })));
    let leaving = scene.browser.visit(&url).await;
    let callback = scene.over_the_platform(&leaving).await;
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
    scene.browser.visit(&url).await.page(400, "bad_ticket");
    let late = Browser::sent_on(&scene.browser.visit(&early).await);
    refused(&late, "ticket_used");
    let all = driver.get("/api/internal/community").await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(1), "one ticket, one community");
}

#[tokio::test]
async fn of_flows_of_one_ticket_that_come_back_at_once_one_completes() {
    let mut scene = Scene::new().await;
    let driver = scene.driver().await;
    let url = scene.start(&driver, &APP).await;
    scene.code(app(json!({ "token": TOKEN })));
    let mut callbacks = Vec::new();
    for _ in 0..4 {
        let leaving = scene.browser.visit(&url).await;
        callbacks.push(scene.over_the_platform(&leaving).await);
    }
    let mut visits = tokio::task::JoinSet::new();
    for callback in callbacks {
        let mut browser = scene.browser.clone();
        visits.spawn(async move { Browser::sent_on(&browser.visit(&callback).await) });
    }
    let back = visits.join_all().await;
    let errors: Vec<_> = back.iter().filter_map(|done| parameter(done, "error")).collect();
    assert_eq!(errors, ["ticket_used"; 3]);
    let all = driver.get("/api/internal/community").await.expect(200);
    assert_eq!(all["communities"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_flows_of_a_ticket_are_bounded() {
    let mut scene = Scene::with("[oauth]\nflows_per_ticket = 2").await;
    let driver = scene.driver().await;
    let url = scene.start(&driver, &APP).await;
    scene.code(app(json!({ "token": TOKEN })));
    scene.browser.visit(&url).await.expect(303);
    let leaving = scene.browser.visit(&url).await;
    let said = scene.browser.visit(&url).await.page(400, "bad_ticket");
    assert!(said.contains("used too often"), "{said}");
    let callback = scene.over_the_platform(&leaving).await;
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
}

#[tokio::test]
async fn the_query_of_a_redirect_uri_comes_back_byte_for_byte() {
    let mut scene = Scene::new().await;
    for query in ["a%20b=c+d", "sig=%2F/%c3%a9'()*~&flag&&x=%zz", "state=mine&a=1"] {
        let redirect = format!("http://localhost:3000/done?{query}");
        scene.code(app(json!({ "token": TOKEN })));
        let callback = scene.leave(&[("redirect_uri", &redirect), ("state", "s p")]).await;
        let back = scene.browser.visit(&callback).await;
        let to = back.header("location");
        let kept = redirect.replace("state=mine&", "");
        assert!(to.starts_with(&format!("{kept}&")), "{to}");
        let state = Url::parse(to).expect("a URL");
        assert_eq!(parameter(&state, "state").as_deref(), Some("s p"), "{to}");
    }
}

/// The form of a page that submits itself: its URL and its fields.
pub fn form(page: &Answer, url: &str) -> (String, Vec<(String, String)>) {
    let between = |text: &str, before: &str, after: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}"));
        let text = rest.split_once(after).map(|(text, _)| text).expect("it ends");
        let signs =
            [("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&#13;", "\r")];
        let signs = signs.into_iter().chain([("&#10;", "\n"), ("&amp;", "&")]);
        signs.fold(text.to_owned(), |text, (sign, letter)| text.replace(sign, letter))
    };
    let action = between(&page.text, "action=\"", "\"");
    let action = Url::parse(url).and_then(|url| url.join(&action)).expect("a URL");
    let inputs = page.text.split("<input ").skip(1);
    let field = |input| (between(input, "name=\"", "\""), between(input, "value=\"", "\""));
    (action.into(), inputs.map(field).collect())
}

#[tokio::test]
async fn what_the_platform_has_posted_is_posted_again_from_here() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    let account = json!({ "platform_identifier": "U<1>&\"'\r\n" });
    scene.code(json!({ "tell": true, "answer": { "account": account } }));
    let callback = Url::parse(&scene.leave(&USER).await).expect("a URL");
    let fields: Vec<_> = callback.query_pairs().into_owned().collect();
    let url = callback.as_str().split_once('?').map_or("", |(url, _)| url).to_owned();

    let page = scene.browser.post_from_elsewhere(&url, &fields).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("form-action"), "{policy}");
    assert!(page.text.contains("<button>"), "a way without scripts");
    let (action, again) = form(&page, &url);
    assert_eq!(again, fields, "the same fields");
    assert!(action.starts_with(&url), "here: {action}");

    // Otherwise the page would submit itself for ever in a browser that did not begin the
    // authorisation.
    Browser::default().post(&action, &again).await.page(400, "bad_state");
    let done = Browser::sent_on(&scene.browser.post(&action, &again).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
    assert_eq!(scene.browser.cookies(), 0);
    let query = scene.users("acme").await[0]["linked_accounts"][0]["custom_data"]["query"].clone();
    assert_eq!(query.as_object().map(serde_json::Map::len), Some(1), "the code alone: {query}");
}

#[tokio::test]
async fn a_posted_form_that_is_none_or_too_large_uses_nothing_up() {
    let mut scene = Scene::with("[oauth]\nform_bytes = 2000").await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let (url, query) = callback.split_once('?').expect("a query");
    let mut fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    fields.push(("more".to_owned(), "x".repeat(2000)));
    scene.browser.post(url, &fields).await.page(413, "body_too_large");
    fields.pop();
    let path = url.strip_prefix(&scene.host.url).expect("a URL of the host");
    let json = scene.host.post(path, json!({ "state": "x" })).await;
    assert!(json.page(400, "bad_request").contains("x-www-form-urlencoded"), "{}", json.text);
    scene.browser.post(url, &[]).await.page(400, "bad_state");
    // A platform on the same site: the browser sends the cookie at once.
    let done = Browser::sent_on(&scene.browser.post(url, &fields).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
}

#[tokio::test]
async fn whoever_begins_many_authorisations_ends_only_their_own() {
    let bounds = "authorisations = 4\nauthorisations_per_sender = 2";
    let mut scene = Scene::with(&format!("[oauth]\nopen_authorize = true\n{bounds}")).await;
    scene.enabled("acme").await;
    let _keys_are_required = scene.driver().await;
    let url = scene.url(&USER);
    scene.code(user("U1"));
    let from = |address| ("X-Forwarded-For", address);
    let leaving = scene.browser.visit_as(&url, from("203.0.113.2")).await;
    let callback = scene.over_the_platform(&leaving).await;
    for _ in 0..8 {
        Browser::default().visit_as(&url, from("203.0.113.1")).await.expect(303);
    }
    let done = Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(parameter(&done, "error"), None, "{done}");
}
