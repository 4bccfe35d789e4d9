//! A point in InfluxDB's line protocol: `series,tag=a field=1,other="b" 1893456000000000000`.

use moothall_sdk::Point;
use moothall_sdk::serde_json::Value;

/// The point's line; none if it has no field.
pub fn of(point: &Point) -> Option<String> {
    let tags = point.tags.iter().filter_map(|(key, value)| pair(key, tag(value)?));
    let fields = point.fields.iter().filter_map(|(key, value)| pair(key, field(value)?));
    let fields: Vec<String> = fields.collect();
    let time = point.time.unix_ns();
    let head = std::iter::once(escaped(&point.series, ", ")).chain(tags).collect::<Vec<_>>();
    (!fields.is_empty()).then(|| format!("{} {} {time}", head.join(","), fields.join(",")))
}

fn pair(key: &str, value: String) -> Option<String> {
    (!key.is_empty()).then(|| format!("{}={value}", escaped(key, ",= ")))
}

/// Writes a tag, unless its text is empty.
fn tag(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.is_empty()).then(|| escaped(&text, ",= "))
}

fn field(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) => Some(quoted(text)),
        other => Some(quoted(&other.to_string())),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Escapes control characters, which would end the line, and a backslash at the end, which would
/// escape the next character.
fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if special.contains(letter) {
            escaped.push('\\');
        }
        escaped.push(if letter.is_control() || letter == '\\' { '_' } else { letter });
    }
    escaped
}

#[cfg(test)]
mod tests {
    use moothall_sdk::Point;
    use moothall_sdk::serde_json::{Value, from_value, json};

    use super::of;

    fn line(tags: Value, fields: Value) -> Option<String> {
        let time = "2030-01-01T00:00:00.25Z";
        let point = json!({ "series": "requests", "time": time, "tags": tags, "fields": fields });
        of(&from_value::<Point>(point).expect("a point"))
    }

    #[test]
    fn a_point_is_one_line() {
        let tags = json!({
            "account_id": "acme",
            "route": "POST:/api/a b",
            "status_code": 200,
            "error_code": null,
            "empty": ""
        });
        let fields = json!({ "request_id": "r\"1\\", "execution_time": 0.25 });
        let expected = concat!(
            r"requests,account_id=acme,route=POST:/api/a\ b,status_code=200 ",
            r#"execution_time=0.25,request_id="r\"1\\" 1893456000250000000"#
        );
        assert_eq!(line(tags, fields).as_deref(), Some(expected));
    }

    #[test]
    fn no_text_ends_a_line_or_begins_another() {
        let tags = json!({ "a,b=c": "x\ny\\" });
        assert_eq!(
            line(tags, json!({ "f": true })).as_deref(),
            Some(r"requests,a\,b\=c=x_y_ f=true 1893456000250000000")
        );
        assert_eq!(line(json!({}), json!({})), None, "a line has a field");
    }
}
