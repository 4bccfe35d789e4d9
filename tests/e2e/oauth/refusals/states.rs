//! The `state` of an authorisation is good once, for a limited time, in the browser and for the plugin that it was
//! made for.

use std::time::Duration;

use moothall_tests::Browser;

use crate::oauth::scene::{Scene, USER, user};

#[tokio::test]
async fn a_state_that_was_used_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mut thief = scene.browser.clone();
    Browser::sent_on(&scene.browser.visit(&callback).await);
    thief.visit(&callback).await.page(400, "bad_state");
    scene.browser.visit(&callback).await.page(400, "bad_state");
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_is_used_once_however_many_come_with_it_at_the_same_time() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mut visits = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut browser, callback) = (scene.browser.clone(), callback.clone());
        visits.spawn(async move { browser.visit(&callback).await.status });
    }
    let mut statuses = visits.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused_and_stays_good_in_its_own() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    Browser::default().visit(&callback).await.page(400, "bad_state");
    // Nor is a browser with an authorisation of its own accepted.
    let mut other = Browser::default();
    other.visit(&scene.url(&USER)).await.expect(303);
    other.visit(&callback).await.page(400, "bad_state");
    assert!(scene.users("acme").await.is_empty());
    Browser::sent_on(&scene.browser.visit(&callback).await);
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_of_another_plugin_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let mixed_up = callback.replace("/auth/consent/", "/auth/probe/");
    scene.browser.visit(&mixed_up).await.page(400, "bad_state");
    Browser::sent_on(&scene.browser.visit(&callback).await);
}

#[tokio::test]
async fn a_state_that_has_expired_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let in_time = scene.leave(&USER).await;
    let late = scene.leave(&USER).await;
    scene.host.advanced(Duration::from_secs(9 * 60)).await;
    Browser::sent_on(&scene.browser.visit(&in_time).await);
    scene.host.advanced(Duration::from_secs(61)).await;
    scene.browser.visit(&late).await.page(400, "bad_state");
    assert_eq!(scene.users("acme").await.len(), 1);
}

#[tokio::test]
async fn a_state_that_was_tampered_with_is_refused() {
    let mut scene = Scene::new().await;
    scene.enabled("acme").await;
    scene.code(user("U1"));
    let callback = scene.leave(&USER).await;
    let state = scene.platform.asked()["state"].clone();
    for wrong in [format!("{state}x"), state.to_lowercase(), "x".to_owned(), String::new()] {
        scene.browser.visit(&callback.replace(&state, &wrong)).await.page(400, "bad_state");
    }
    let (bare, _) = callback.split_once('?').expect("a query");
    scene.browser.visit(bare).await.page(400, "bad_state");
    let error =
        scene.browser.visit(&format!("{bare}?error=invalid_scope&error_description=Call+me")).await;
    let said = error.page(400, "bad_state");
    assert!(said.contains("invalid_scope") && !said.contains("Call"), "{said}");
    let markup = scene.browser.visit(&format!("{bare}?error=%3Cb%3E")).await;
    assert!(!markup.page(400, "bad_state").contains("<b>"), "{}", markup.text);
    scene.browser.visit(&format!("{bare}?code=x")).await.page(400, "bad_state");
}
