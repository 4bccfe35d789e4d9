//! A stand-in for a server, for the tests of what asks one; and the tests of paths.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use super::in_path;

/// A server that answers one request after the other with these texts and closes no connection; its URL, and the heads
/// of the requests.
pub fn answering<const N: usize>(answers: [String; N]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, heads) = channel();
    std::thread::spawn(move || {
        let mut connections = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().expect("a connection");
            let lines = BufReader::new(connection.try_clone().expect("a copy")).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
            // The test may have seen enough.
            tell.send(head.collect::<Vec<_>>().join("\n")).unwrap_or_default();
            connection.write_all(answer.as_bytes()).expect("the client is there");
            connections.push(connection);
        }
        // Until the test has seen enough.
        std::thread::park();
    });
    (url, heads)
}

#[test]
fn a_name_stays_one_part_of_a_path() {
    let names = ["two-words_2.a~", "a/b", "a?b#c", "..", ".", "é %"].map(in_path);
    assert_eq!(names, ["two-words_2.a~", "a%2Fb", "a%3Fb%23c", "%2E%2E", "%2E", "%C3%A9%20%25"]);
}
