//! Issues with their comments and reactions, as the API has them and as people make them.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::repositories::{find, page};
use super::{BOT, Facts, GitHub, Shared, json_answer, not_found, refusal};

#[derive(Debug)]
pub struct Issue {
    pub repository: String,
    id: u64,
    number: u64,
    title: String,
    body: String,
    is_open: bool,
    is_deleted: bool,
    comments: Vec<Value>,
    reactions: Vec<Value>,
}

type Answered = Result<Response, Box<Response>>;

pub fn routes() -> Router<Shared> {
    let issue = "/api/v3/repos/{owner}/{repo}/issues/{number}";
    Router::new()
        .route("/api/v3/repos/{owner}/{repo}/issues", get(list).post(create))
        .route(issue, get(show).patch(edit))
        .route(&format!("{issue}/comments"), get(comments).post(comment))
        .route(&format!("{issue}/reactions"), get(reactions))
}

async fn list(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 2]>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let kept = data.kept();
    let name = match find(&kept, &headers, &named, &Method::GET, &uri) {
        Ok(name) => name,
        Err(refused) => return *refused,
    };
    let state = query.get("state").map_or("open", String::as_str);
    let own = kept.issues.iter().filter(|issue| issue.repository == name && !issue.is_deleted);
    let shown = own
        .map(|issue| issue.shown(&kept.url))
        .filter(|one| state == "all" || one["state"] == state);
    page(&format!("{}{}", kept.url, uri.path()), &query, &shown.collect::<Vec<_>>())
}

async fn create(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 2]>,
    body: Bytes,
) -> Response {
    let mut kept = data.kept();
    let made = || -> Answered {
        let repository = find(&kept, &headers, &named, &Method::POST, &uri)?;
        if kept.without_issues.contains(&repository) {
            let said = "Issues are disabled for this repo";
            return Err(Box::new(refusal(StatusCode::GONE, said)));
        }
        let body = object(&body)?;
        let title = text(&body, "title", "Issue")?;
        let (id, number) = (kept.number() + 10_000, kept.issues.len() as u64 + 1);
        let issue = Issue {
            repository,
            id,
            number,
            title,
            body: body["body"].as_str().unwrap_or_default().to_owned(),
            is_open: true,
            is_deleted: false,
            comments: Vec::new(),
            reactions: Vec::new(),
        };
        let shown = issue.shown(&kept.url);
        kept.issues.push(issue);
        Ok(json_answer(StatusCode::CREATED, &shown))
    };
    either(made)
}

async fn show(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 3]>,
) -> Response {
    let mut kept = data.kept();
    let url = kept.url.clone();
    either(|| {
        Ok(json_answer(
            StatusCode::OK,
            &one(&mut kept, &headers, named, &Method::GET, &uri)?.shown(&url),
        ))
    })
}

async fn edit(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 3]>,
    body: Bytes,
) -> Response {
    let mut kept = data.kept();
    let url = kept.url.clone();
    either(|| {
        let issue = one(&mut kept, &headers, named, &Method::PATCH, &uri)?;
        issue.is_open = match object(&body)?["state"].as_str() {
            Some("open") => true,
            Some("closed") => false,
            _ => return Err(invalid("Issue", "state")),
        };
        Ok(json_answer(StatusCode::OK, &issue.shown(&url)))
    })
}

async fn comments(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 3]>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut kept = data.kept();
    let url = format!("{}{}", kept.url, uri.path());
    either(|| {
        Ok(page(&url, &query, &one(&mut kept, &headers, named, &Method::GET, &uri)?.comments))
    })
}

async fn reactions(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 3]>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut kept = data.kept();
    let url = format!("{}{}", kept.url, uri.path());
    either(|| {
        Ok(page(&url, &query, &one(&mut kept, &headers, named, &Method::GET, &uri)?.reactions))
    })
}

async fn comment(
    State(data): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    Path(named): Path<[String; 3]>,
    body: Bytes,
) -> Response {
    let mut kept = data.kept();
    let id = kept.number();
    either(|| {
        let issue = one(&mut kept, &headers, named, &Method::POST, &uri)?;
        let text = text(&object(&body)?, "body", "IssueComment")?;
        let comment = json!({ "id": id, "body": text, "user": user("moothall[bot]", BOT) });
        issue.comments.push(comment.clone());
        Ok(json_answer(StatusCode::CREATED, &comment))
    })
}

/// The issue, or why it cannot be had.
fn one<'a>(
    kept: &'a mut Facts,
    headers: &HeaderMap,
    [owner, repo, number]: [String; 3],
    method: &Method,
    uri: &Uri,
) -> Result<&'a mut Issue, Box<Response>> {
    let name = find(kept, headers, &[owner, repo], method, uri)?;
    let is_meant = |one: &&mut Issue| one.repository == name && one.number.to_string() == number;
    match kept.issues.iter_mut().find(is_meant) {
        Some(issue) if issue.is_deleted => {
            Err(Box::new(refusal(StatusCode::GONE, "This issue was deleted")))
        }
        Some(issue) => Ok(issue),
        None => Err(Box::new(not_found())),
    }
}

fn either(made: impl FnOnce() -> Answered) -> Response {
    made().unwrap_or_else(|refused| *refused)
}

fn object(body: &[u8]) -> Result<Value, Box<Response>> {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let problem = || Box::new(refusal(StatusCode::BAD_REQUEST, "Problems parsing JSON"));
    value.filter(Value::is_object).ok_or_else(problem)
}

fn text(body: &Value, field: &str, resource: &str) -> Result<String, Box<Response>> {
    let text = body[field].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| invalid(resource, field))
}

fn invalid(resource: &str, field: &str) -> Box<Response> {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{ "resource": resource, "code": "missing_field", "field": field }],
        "documentation_url": "https://docs.github.com/rest/issues",
        "status": "422",
    });
    Box::new(json_answer(StatusCode::UNPROCESSABLE_ENTITY, &body))
}

fn user(login: &str, id: u64) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({ "login": login, "id": id, "type": kind, "site_admin": false })
}

impl Issue {
    fn shown(&self, url: &str) -> Value {
        let path = format!("{}/issues/{}", self.repository, self.number);
        json!({
            "id": self.id,
            "number": self.number,
            "url": format!("{url}/api/v3/repos/{path}"),
            "html_url": format!("{url}/{path}"),
            "title": self.title,
            "body": self.body,
            "state": if self.is_open { "open" } else { "closed" },
            "user": user("moothall[bot]", BOT),
            "comments": self.comments.len(),
        })
    }
}

/// What people do on GitHub's pages, on issues by their numbers.
impl GitHub {
    /// The issue as the API shows it, with its comments.
    pub fn issue(&self, number: u64) -> Value {
        let mut kept = self.data.kept();
        let url = kept.url.clone();
        let issue = kept.at(number);
        let mut shown = issue.shown(&url);
        shown["comments"] = json!(issue.comments);
        shown
    }

    pub fn delete_issue(&self, number: u64) {
        self.data.kept().at(number).is_deleted = true;
    }

    pub fn react(&self, number: u64, login: &str, content: &str) {
        let mut kept = self.data.kept();
        let id = kept.number();
        let who = user(login, kept.id_of(login));
        kept.at(number).reactions.push(json!({ "id": id, "content": content, "user": who }));
    }

    /// Comments; returns the webhook's body.
    pub fn comment(&self, number: u64, login: &str, text: &str) -> Value {
        let mut kept = self.data.kept();
        let id = kept.number();
        let who = user(login, kept.id_of(login));
        kept.at(number).comments.push(json!({ "id": id, "body": text, "user": who }));
        kept.told("created", number, login)
    }

    /// Edits the person's first comment; returns the webhook's body.
    pub fn edit_comment(&self, number: u64, login: &str, text: &str) -> Value {
        let mut kept = self.data.kept();
        let comments = &mut kept.at(number).comments;
        let own = comments.iter_mut().find(|one| one["user"]["login"] == login);
        own.expect("a comment")["body"] = json!(text);
        kept.told("edited", number, login)
    }
}

impl Facts {
    fn at(&mut self, number: u64) -> &mut Issue {
        self.issues.iter_mut().find(|issue| issue.number == number).expect("an issue")
    }

    /// The id of a person, also of one who was never heard of.
    fn id_of(&mut self, login: &str) -> u64 {
        match self.people.get(login) {
            Some(id) => *id,
            None => 100_000 + self.number(),
        }
    }

    /// The body of a webhook about a comment.
    fn told(&mut self, action: &str, number: u64, login: &str) -> Value {
        let (url, sender) = (self.url.clone(), user(login, self.id_of(login)));
        let issue = self.at(number);
        let (shown, repository) = (issue.shown(&url), issue.repository.clone());
        let owner = repository.split('/').next().unwrap_or_default().to_owned();
        let mut all = self.installations.iter();
        let installation = all.find(|(_, (_, login))| *login == owner).map(|(id, _)| *id);
        json!({
            "action": action,
            "issue": shown,
            "repository": { "id": 77, "full_name": repository },
            "sender": sender,
            "installation": { "id": installation },
        })
    }
}
