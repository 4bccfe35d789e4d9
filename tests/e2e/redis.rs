//! An ordinary Redis client in a guest reaches the server that its operator grants, and no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use moothall_tests::TestHost;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The address that the guest's manifest asks for.
const ADDRESS: &str = "127.0.0.1:16380";

type Values = Arc<Mutex<HashMap<String, String>>>;

/// A server that knows `SET` and `GET` and says OK to everything else.
#[expect(clippy::disallowed_methods, reason = "a server of a test: without it the test fails")]
async fn serve() -> Values {
    let listener = TcpListener::bind(ADDRESS).await.expect("the port is free");
    let values = Values::default();
    let shared = values.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, shared.clone()));
        }
    });
    values
}

async fn answer(stream: TcpStream, values: Values) {
    let mut stream = BufReader::new(stream);
    while let Some(command) = command(&mut stream).await {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let reply = match command.as_slice() {
            ["SET", key, value] => {
                values.lock().expect("no panic").insert((*key).to_owned(), (*value).to_owned());
                "+OK\r\n".to_owned()
            }
            ["GET", key] => match values.lock().expect("no panic").get(*key) {
                Some(value) => format!("${}\r\n{value}\r\n", value.len()),
                None => "$-1\r\n".to_owned(),
            },
            _ => "+OK\r\n".to_owned(),
        };
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One command as RESP writes it: a list of texts, each with its length.
async fn command(stream: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = length(stream, '*').await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; length(stream, '$').await? + 2];
        stream.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Some(words)
}

async fn length(stream: &mut BufReader<TcpStream>, mark: char) -> Option<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}

fn toml(grants: &str) -> String {
    format!("[plugins.redis-client]\nsettings = {{ url = \"redis://{ADDRESS}\" }}\n{grants}")
}

#[tokio::test]
async fn a_client_crate_works_over_a_granted_connection_and_not_without() {
    let values = serve().await;
    let grant = toml(&format!("grants = {{ tcp = [\"{ADDRESS}\"] }}"));
    let mut host = TestHost::with(&["redis-client"]).toml(&grant).start().await;
    let stored = host.get("/api/plugins/redis-client/set/drink/green%20tea").await;
    assert_eq!((stored.status, stored.text.as_str()), (200, "OK"));
    assert_eq!(values.lock().expect("no panic")["drink"], "green tea");
    let found = host.get("/api/plugins/redis-client/get/drink").await;
    assert_eq!((found.status, found.text.as_str()), (200, "green tea"));
    assert_eq!(host.get("/api/plugins/redis-client/get/food").await.status, 404);

    host.set_toml(&toml(""));
    host.restart().await;
    let refused = host.get("/api/plugins/redis-client/set/drink/coffee").await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(values.lock().expect("no panic")["drink"], "green tea");
}
