//! A point in InfluxDB's line protocol: `series,tag=a field=1,other="b" 1893456000000000000`.

use std::time::Duration;

use moothall_sdk::Point;
use moothall_sdk::serde_json::Value;

/// The point's line; none if it has no field, or no valid time.
pub fn of(point: &Point) -> Option<String> {
    let tags = point.tags.iter().filter_map(|(key, value)| pair(key, tag(value)?));
    let fields = point.fields.iter().filter_map(|(key, value)| pair(key, field(value)?));
    let fields: Vec<String> = fields.collect();
    let time = nanoseconds(&point.time)?;
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

/// Converts a time in UTC to nanoseconds since the Unix epoch: `2030-01-01T00:00:00.5Z`.
fn nanoseconds(time: &str) -> Option<u128> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let day = days_since_epoch(year, month, day)?;
    let seconds = ((day * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::from_secs(seconds).as_nanos() + fraction_nanoseconds(fraction)?)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let numbers: Option<Vec<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn fraction_nanoseconds(fraction: &str) -> Option<u128> {
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    digits.parse().ok()
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that a leap
/// day is the last of its year.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let to_month = (153 * month + 2) / 5;
    (year * 365 + leap_days + to_month + day - 1).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use moothall_sdk::Point;
    use moothall_sdk::serde_json::{Value, from_value, json};

    use super::{nanoseconds, of};

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

    #[test]
    fn times_are_those_of_the_calendar() {
        for (time, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2024-03-01T00:00:00Z", 1_709_251_200),
            ("2026-11-21T09:30:15Z", 1_795_253_415),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(nanoseconds(time), Some(u128::from(seconds * 1_000_000_000_u64)), "{time}");
        }
        for bad in ["", "2030-01-01", "2030-13-01T00:00:00Z", "2030-01-01T00:00:00+01:00", "aTbZ"] {
            assert_eq!(nanoseconds(bad), None, "{bad}");
        }
    }
}
