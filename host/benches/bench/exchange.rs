//! One request and its answer on a connection of its own, for requests beside the measurement. Must
//! never be used for load.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use super::template::Template;

const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Sends the template's first request.
pub fn exchange(server: SocketAddr, request: &Template) -> Result<Answer> {
    let request = request.clone().header("Connection", "close").request(server, 0);
    let mut stream =
        TcpStream::connect_timeout(&server, TIMEOUT).context("cannot connect to the server")?;
    stream.set_read_timeout(Some(TIMEOUT)).context("cannot set a timeout")?;
    stream.write_all(request.bytes()).context("cannot send a request")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("cannot read an answer")?;
    let (head, body) =
        answer.split_once("\r\n\r\n").context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.context("the answer has no status")?, body: body.to_owned() })
}
