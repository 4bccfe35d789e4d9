//! Clients that other people's generators make from `/openapi.json`: they compile, and their
//! answers have types.

use std::path::Path;

use moothall_tests::{TestHost, node, python};

async fn document() -> (TestHost, String) {
    let host = TestHost::with(&["tutorial"]).start().await;
    let answer = host.get("/openapi.json").await;
    answer.expect(200);
    (host, answer.text)
}

#[tokio::test]
async fn a_client_in_typescript_has_types() {
    let (_host, document) = document().await;
    assert_eq!(node::run("check_client.mjs", &document), Ok(()));
}

#[tokio::test]
async fn a_client_in_python_has_types() {
    let (host, document) = document().await;
    let folder = host.directory().join("client");
    std::fs::create_dir(&folder).expect("a folder");
    let (file, config) = (folder.join("openapi.json"), folder.join("config.yaml"));
    std::fs::write(&file, document).expect("a file");
    // The generator would format its code with a program that is not installed.
    std::fs::write(&config, "post_hooks: []\n").expect("a file");
    let (api, client) = (folder.join("api"), folder.join("client.py"));
    let text = |text: &'static str| Path::new(text);
    let generate = [
        text("generate"),
        text("--path"),
        &file,
        text("--config"),
        &config,
        text("--meta"),
        text("none"),
        text("--output-path"),
        &api,
    ];
    assert_eq!(python::run("openapi-python-client", &generate, ""), Ok(()));
    let compile = [text("-m"), text("compileall"), text("-q"), &folder];
    assert_eq!(python::run("python3", &compile, ""), Ok(()));
    let ours = text(env!("CARGO_MANIFEST_DIR")).join("reference/client.py");
    std::fs::copy(ours, &client).expect("a file");
    let check = [text("--strict"), text("--follow-imports=silent"), &client];
    assert_eq!(python::run("mypy", &check, ""), Ok(()));
}
