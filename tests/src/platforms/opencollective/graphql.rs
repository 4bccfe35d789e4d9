//! The one endpoint of the API. What the query selects is not worked out: everything that Open Collective knows of an object is
//! told, and a name that it does not know is refused.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{COLLECTIVE, Collectives, PROJECT, Shared, lock};

/// Fields, arguments and types that the real schema has and the plugin uses.
const KNOWN: &str = "query mutation fragment on Collective Members Webhooks CreateWebhook Me CreateConversation Conversation \
    EditConversation CreateComment Expense ProcessExpense expenseFields ExpenseReferenceInput ExpenseProcessAction \
    WebhookCreateInput AccountReferenceInput CommentCreateInput AccountWithParent String Int COLLECTIVE \
    slug offset limit webhook title html account tags id comment reference expense action throwIfMissing accountType false \
    collective legacyId name members totalCount nodes twitterHandle githubHandle isArchived isActive isHost isAdmin \
    webhooks webhookUrl createWebhook me memberOf role createConversation createdAt updatedAt summary body reactions stats \
    commentsCount conversation editConversation createComment processExpense description longDescription amount currency \
    type status parent payee createdByAccount requestedByAccount activities data individual items incurredAt url";

/// Why a query is refused: the code, and the message.
type Refusal = (&'static str, &'static str);
type Found = Result<Value, Refusal>;

pub async fn answer(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let query = asked["query"].as_str().unwrap_or_default();
    if header("content-type") != "application/json" || query.is_empty() {
        return (
            StatusCode::BAD_REQUEST,
            "POST body missing, invalid Content-Type, or JSON object has no keys.",
        )
            .into_response();
    }
    if let Some(unknown) =
        names(query).find(|name| !KNOWN.split_whitespace().any(|known| known == *name))
    {
        let errors = json!([{ "message": format!("Cannot query \"{unknown}\"."), "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }]);
        return (StatusCode::BAD_REQUEST, Json(json!({ "errors": errors }))).into_response();
    }
    let mut kept = lock(&shared);
    let token = header("authorization").strip_prefix("Bearer ").unwrap_or("");
    let Some(me) = kept.accounts.get(token).cloned() else {
        let error = json!({ "code": 401, "type": "unauthorized", "message": "Invalid token" });
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": error }))).into_response();
    };
    let field = root(query);
    match kept.resolve(field, &asked["variables"], &me) {
        Ok(found) => Json(json!({ "data": { field: found } })).into_response(),
        Err((code, message)) => {
            let error =
                json!({ "message": message, "path": [field], "extensions": { "code": code } });
            Json(json!({ "errors": [error], "data": { field: null } })).into_response()
        }
    }
}

/// All names in a query, but those of variables.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
    let words = query.split(move |letter| !is_part(letter));
    words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()))
}

/// The first field of the operation.
fn root(query: &str) -> &str {
    let rest = query.split_once('{').map_or("", |(_, rest)| rest);
    names(rest).next().unwrap_or_default()
}

impl Collectives {
    fn resolve(&mut self, field: &str, variables: &Value, me: &Value) -> Found {
        match field {
            "me" => Ok(me.clone()),
            "collective" => Ok(self.collective(variables)),
            "createWebhook" => self.create_webhook(&variables["webhook"], me),
            "createConversation" => self.create_conversation(variables),
            "conversation" => self.found(variables).map(|one| one.clone()),
            "editConversation" => {
                let conversation = self.found(variables)?;
                conversation["title"] = required(&variables["title"])?.into();
                Ok(conversation.clone())
            }
            "createComment" => self.create_comment(&variables["comment"]),
            "expense" => {
                Ok(self.expense(&variables["reference"]).map_or(Value::Null, |one| one.clone()))
            }
            "processExpense" => self.process_expense(variables, me),
            _ => Err(("GRAPHQL_VALIDATION_FAILED", "Cannot query that.")),
        }
    }

    fn collective(&self, variables: &Value) -> Value {
        if variables["slug"] != COLLECTIVE {
            return Value::Null;
        }
        let from = variables["offset"].as_u64().unwrap_or(0) as usize;
        let account = |n: usize| json!({ "account": { "id": format!("id-{n}"), "slug": format!("member-{n}"), "name": format!("Member {n}"), "isAdmin": n == 0 } });
        let members: Vec<Value> = (from..self.members.min(from + 100)).map(account).collect();
        let webhooks: Vec<Value> =
            self.webhooks.iter().map(|url| json!({ "webhookUrl": url })).collect();
        json!({
            "id": "id-makers", "legacyId": 11, "name": "The makers",
            "members": { "totalCount": self.members, "nodes": members }, "webhooks": { "nodes": webhooks }
        })
    }

    fn create_webhook(&mut self, webhook: &Value, me: &Value) -> Found {
        let url = webhook["webhookUrl"].as_str().unwrap_or_default();
        if !url.starts_with("https://") || webhook["activityType"] != "ACTIVITY_ALL" {
            return Err(("ValidationFailed", "Webhook URL is not valid"));
        }
        require_admin(&webhook["account"]["slug"], me)?;
        self.webhooks.push(url.to_owned());
        Ok(json!({ "id": format!("wh-{}", self.webhooks.len()) }))
    }

    fn create_conversation(&mut self, asked: &Value) -> Found {
        if asked["account"]["slug"] != COLLECTIVE {
            return Err(("NotFound", "Account Not Found"));
        }
        let (title, html) = (required(&asked["title"])?, required(&asked["html"])?);
        let id = format!("conv{:04}", self.new_number());
        let conversation = json!({
            "id": id, "slug": title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-"), "title": title,
            "createdAt": "2026-02-03T04:05:06.000Z", "updatedAt": "2026-02-03T04:05:06.000Z", "tags": asked["tags"],
            "summary": html, "body": { "id": format!("c-{id}"), "reactions": {} }, "stats": { "commentsCount": 0 }
        });
        self.conversations.insert(id, conversation.clone());
        Ok(conversation)
    }

    fn found(&mut self, variables: &Value) -> Result<&mut Value, Refusal> {
        let id = variables["id"].as_str().unwrap_or_default();
        self.conversations.get_mut(id).ok_or(("NotFound", "Conversation Not Found"))
    }

    fn create_comment(&mut self, comment: &Value) -> Found {
        let html = required(&comment["html"])?.to_owned();
        match (comment.get("conversation"), comment.get("expense")) {
            (Some(conversation), None) => {
                self.found(conversation)?;
            }
            (None, Some(expense)) => {
                self.expense(expense).ok_or(("NotFound", "Expense Not Found"))?;
            }
            _ => return Err(("BadRequest", "A comment belongs to one thing")),
        }
        self.comments.push(comment.clone());
        let id = format!("cmt-{}", self.comments.len());
        Ok(
            json!({ "id": id, "createdAt": "2026-02-03T04:05:06.000Z", "html": html, "reactions": {} }),
        )
    }

    fn expense(&mut self, reference: &Value) -> Option<&mut Value> {
        let is_it = |one: &&mut Value| {
            let by = |name: &str| reference.get(name).is_some_and(|value| *value == one[name]);
            by("legacyId") || by("id")
        };
        self.expenses.values_mut().find(is_it)
    }

    fn process_expense(&mut self, variables: &Value, me: &Value) -> Found {
        let person = me["slug"].as_str().unwrap_or_default().to_owned();
        let expense =
            self.expense(&variables["reference"]).ok_or(("NotFound", "Expense Not Found"))?;
        let own = if expense["account"]["slug"] == PROJECT {
            json!(COLLECTIVE)
        } else {
            expense["account"]["slug"].clone()
        };
        require_admin(&own, me)?;
        let status = expense["status"].as_str().unwrap_or_default();
        let (what, next) = match (variables["action"].as_str(), status) {
            (Some("APPROVE"), "PENDING") => ("approved", "APPROVED"),
            (Some("UNAPPROVE"), "APPROVED") => ("unapproved", "PENDING"),
            (Some("REJECT"), "PENDING") => ("rejected", "REJECTED"),
            (Some("APPROVE" | "UNAPPROVE" | "REJECT"), _) => {
                return Err((
                    "Forbidden",
                    "You don't have permission to do that with this expense.",
                ));
            }
            _ => return Err(("BAD_USER_INPUT", "Variable \"$action\" got invalid value")),
        };
        expense["status"] = next.into();
        let (number, expense) = (expense["legacyId"].as_u64().unwrap_or_default(), expense.clone());
        self.note(number, what, &person);
        Ok(expense)
    }
}

fn required(value: &Value) -> Result<&str, Refusal> {
    value.as_str().filter(|text| !text.is_empty()).ok_or(("BAD_USER_INPUT", "A text is missing"))
}

fn require_admin(slug: &Value, me: &Value) -> Result<(), Refusal> {
    let nodes = me["memberOf"]["nodes"].as_array();
    let is_admin = |one: &Value| one["role"] == "ADMIN" && one["account"]["slug"] == *slug;
    match nodes.is_some_and(|nodes| nodes.iter().any(is_admin)) {
        true => Ok(()),
        false => Err(("Forbidden", "You don't have sufficient permissions to do that.")),
    }
}
