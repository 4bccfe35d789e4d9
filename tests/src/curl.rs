//! Commands in documents: reads the shell blocks of Markdown and the curl lines in them, and compares answers with those
//! that a document promises.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, Driver};

/// The address that documents use.
const SHOWN: &str = "http://127.0.0.1:8000";

/// A curl command, taken apart.
#[derive(Debug)]
pub struct Curl {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// `-N`: the answer goes on until the client ends it.
    pub is_stream: bool,
    /// `-o FILE`: where the answer is written.
    pub output: Option<String>,
}

/// A command, and the answer that the document promises, if it does.
#[derive(Debug)]
pub struct Example {
    pub command: Curl,
    pub answer: Option<Value>,
}

/// The curl commands of a document, in order.
pub fn examples(markdown: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut answered = true;
    for (language, block) in blocks(markdown) {
        if language == "shell" && block.trim_start().starts_with("curl") {
            examples.push(Example { command: parse(&block), answer: None });
            answered = false;
        } else if language == "json" && !answered {
            let answer = serde_json::from_str(&block).expect("a json block is JSON");
            examples.last_mut().expect("an answer follows its command").answer = Some(answer);
            answered = true;
        }
    }
    examples
}

/// Checks an answer against the one that a document promises: without ids of instances, which depend on what the host did
/// before. A promised `status` is that of a refusal, of which the document may name only a part.
#[track_caller]
pub fn hold(answer: &Answer, promised: Option<&Value>) {
    let refused = promised.and_then(|promised| promised["status"].as_u64());
    match refused {
        Some(status) => assert_eq!(u64::from(answer.status), status, "{}", answer.text),
        None => assert!(matches!(answer.status, 200..300), "{}: {}", answer.status, answer.text),
    }
    let Some(promised) = promised else { return };
    let mut given = answer.json();
    if let (Value::Object(given), Value::Object(named), true) =
        (&mut given, promised, refused.is_some())
    {
        given.retain(|name, _| named.contains_key(name));
    }
    assert_eq!(without_ids(given), without_ids(promised.clone()));
}

fn without_ids(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            fields.remove("id");
            fields.values_mut().for_each(|field| *field = without_ids(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_ids(item.take())),
        _ => {}
    }
    value
}

/// The configuration that a document shows.
pub fn configuration(markdown: &str) -> String {
    let blocks = blocks(markdown).into_iter().filter(|(language, _)| language == "toml");
    blocks.map(|(_, block)| block).collect()
}

/// The blocks of code of a document: their languages, and their contents.
pub fn blocks(markdown: &str) -> Vec<(String, String)> {
    let mut parts = markdown.split("```");
    let mut blocks = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (language, content) = block.split_once('\n').unwrap_or((block, ""));
        blocks.push((language.trim().to_owned(), content.to_owned()));
    }
    blocks
}

/// Parses a curl line; an unknown option is an error.
pub fn parse(command: &str) -> Curl {
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
    let (mut method, mut url, mut headers, mut body) = (None, None, Vec::new(), None);
    let (mut is_stream, mut output) = (false, None);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} without a value"));
        match word.as_str() {
            "-X" => method = Some(value()),
            "-H" => headers.push(header(&value())),
            "--data-raw" | "-d" => body = Some(value()),
            "-N" => is_stream = true,
            "-o" => output = Some(value()),
            address if address.starts_with(SHOWN) => url = Some(address[SHOWN.len()..].to_owned()),
            unknown => panic!("an option that is not known here: {unknown}"),
        }
    }
    let default = if body.is_some() { "POST" } else { "GET" };
    let method = method.unwrap_or_else(|| default.to_owned());
    let method = method.parse().expect("a method");
    let path = url.expect("an address of the host");
    Curl { method, path, headers, body, is_stream, output }
}

fn header(text: &str) -> (String, String) {
    let (name, value) = text.split_once(':').expect("a header has a colon");
    (name.trim().to_owned(), value.trim().to_owned())
}

/// Splits a line into words like a shell, as far as documents need it: quotes, and continued lines.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in command.replace("\\\n", " ").chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

impl Curl {
    /// The same request, to a host under test.
    pub fn to(&self, host: &Driver) -> RequestBuilder {
        let request = host.request(self.method.clone(), &self.path);
        let headers = self.headers.iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        match &self.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }
}
