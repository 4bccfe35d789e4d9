//! The plugin of the tutorial: a configuration with a secret and a default, state, and two actions.

use moothall_sdk::serde_json::Number;
use moothall_sdk::{Error, Plugin, Result, Secret, log, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The key of the community's account on the platform.
    #[expect(dead_code, reason = "a real plugin would send it to its platform")]
    api_key: Secret,
    #[serde(default = "default_foo")]
    foo: String,
    /// Makes the URL for webhooks hard to guess.
    #[expect(dead_code, reason = "the host reads it: it is the last part of the URL for webhooks")]
    webhook_slug: Option<String>,
}

fn default_foo() -> String {
    "bar".to_owned()
}

#[derive(Deserialize, JsonSchema)]
struct TimesTwo {
    /// The number to double.
    value: Number,
}

#[derive(Serialize, JsonSchema)]
struct Doubled {
    result: Number,
}

#[derive(Deserialize, JsonSchema)]
struct MyAction {
    /// Stored as `x` of the object.
    x: i64,
}

#[derive(Serialize, JsonSchema)]
struct Stored {
    /// What `initialize` stored.
    foo: Option<String>,
    obj: Obj,
}

#[derive(Serialize, JsonSchema)]
struct Obj {
    x: i64,
}

struct Tutorial;

#[plugin(name = "tutorial", config = Config, description = "The plugin of the tutorial.", auth_type = "api_key")]
impl Tutorial {
    fn initialize(&self) -> Result<()> {
        log::info(format_args!("initialized with foo = {}", self.config()?.foo));
        self.state().set("foo", "bar")
    }

    #[action(slug = "times-two", description = "Doubles a number.", public, read_only)]
    fn times_two(&self, parameters: TimesTwo) -> Result<Doubled> {
        Ok(Doubled { result: double(&parameters.value)? })
    }

    #[action(slug = "my-action", description = "Reads the state and adds an object to it.")]
    fn my_action(&self, parameters: MyAction) -> Result<Stored> {
        let obj = Obj { x: parameters.x };
        self.state().set("obj", &obj)?;
        Ok(Stored { foo: self.state().get("foo")?, obj })
    }
}

/// Twice a number, without a fraction where there is none: 5 gives 10, and so does 5.0.
fn double(value: &Number) -> Result<Number> {
    if let Some(doubled) = value.as_i64().and_then(|whole| whole.checked_mul(2)) {
        return Ok(doubled.into());
    }
    let doubled = value.as_f64().map_or(f64::INFINITY, |number| number * 2.0);
    if doubled.fract() == 0.0 && doubled.abs() < EXACT {
        return Ok(Number::from(doubled as i64));
    }
    Number::from_f64(doubled)
        .ok_or_else(|| Error::invalid("'value' is too large to be doubled; send a smaller number"))
}

/// Up to here a floating-point number holds every whole number exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::double;
    use moothall_sdk::serde_json::Number;

    fn doubled(text: &str) -> String {
        double(&text.parse::<Number>().expect("a number"))
            .map_or_else(|error| error.to_string(), |number| number.to_string())
    }

    #[test]
    fn whole_results_have_no_fraction() {
        for (value, result) in [
            ("5", "10"),
            ("-3", "-6"),
            ("2.5", "5"),
            ("5.0", "10"),
            ("0.3", "0.6"),
            ("1e300", "2e+300"),
        ] {
            assert_eq!(doubled(value), result, "{value}");
        }
    }

    #[test]
    fn large_numbers_are_doubled_or_refused() {
        assert_eq!(doubled("4611686018427387903"), "9223372036854775806");
        assert_eq!(doubled("9223372036854775807"), "1.8446744073709552e+19");
        assert!(doubled("1.7e308").contains("too large"));
    }
}
