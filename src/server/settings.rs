//! The deployable Worker's variables, read from wrangler.toml, the dashboard or `npm run serve -- --var`.

use crate::{Config, Millis};
use std::fmt;
use wasm_bindgen::JsValue;
use worker::{Env, js_sys};

/// What the variables say for all services.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// `SOCKJS_TEST_SERVICES`: whether the bundled services are served.
    pub test_services: bool,
    /// `SOCKJS_HEARTBEAT_DELAY`, in milliseconds.
    heartbeat_delay: Option<Millis>,
    /// `SOCKJS_DISCONNECT_DELAY`, in milliseconds.
    disconnect_delay: Option<Millis>,
    /// `SOCKJS_RECEIVER_MAX_AGE`, in milliseconds.
    receiver_max_age: Option<Millis>,
}

/// A variable that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadVariable {
    name: &'static str,
    value: String,
    expected: &'static str,
}

impl fmt::Display for BadVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, expected } = self;
        write!(f, "variable {name} is {value:?}: it must be {expected}")
    }
}

impl Settings {
    pub fn read(env: &Env) -> Result<Self, BadVariable> {
        Self::from_variables(|name| {
            let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
            // Numbers and booleans keep their type in wrangler.toml; elsewhere every variable is a text.
            let text = || value.as_f64().map(|number| number.to_string());
            value.as_string().or_else(text).or_else(|| value.as_bool().map(|flag| flag.to_string()))
        })
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BadVariable> {
        let millis = |name| match variable(name) {
            None => Ok(None),
            Some(value) => match value.trim().parse() {
                Ok(millis) => Ok(Some(Millis(millis))),
                Err(_) => Err(BadVariable { name, value, expected: "a whole number of milliseconds" }),
            },
        };
        let flag = |name| match variable(name) {
            None => Ok(false),
            Some(value) => match value.trim() {
                "true" => Ok(true),
                "false" | "" => Ok(false),
                _ => Err(BadVariable { name, value, expected: "true or false" }),
            },
        };
        Ok(Self {
            test_services: flag("SOCKJS_TEST_SERVICES")?,
            heartbeat_delay: millis("SOCKJS_HEARTBEAT_DELAY")?,
            disconnect_delay: millis("SOCKJS_DISCONNECT_DELAY")?,
            receiver_max_age: millis("SOCKJS_RECEIVER_MAX_AGE")?,
        })
    }

    /// `config` with what the variables say.
    pub fn apply(&self, mut config: Config) -> Config {
        if let Some(delay) = self.heartbeat_delay {
            config = config.heartbeat_delay(delay);
        }
        if let Some(delay) = self.disconnect_delay {
            config = config.disconnect_delay(delay);
        }
        if let Some(age) = self.receiver_max_age {
            config = config.receiver_max_age(age);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, BadVariable> {
        Settings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_override_defaults() {
        let none = read(&[]).unwrap();
        assert!(!none.test_services);
        assert_eq!(none.apply(Config::new("/a")), Config::new("/a"));
        let all = read(&[
            ("SOCKJS_TEST_SERVICES", "true"),
            ("SOCKJS_HEARTBEAT_DELAY", "1500"),
            ("SOCKJS_DISCONNECT_DELAY", " 2000 "),
            ("SOCKJS_RECEIVER_MAX_AGE", "3000"),
        ]);
        let config = all.unwrap().apply(Config::new("/a"));
        assert_eq!((config.heartbeat_delay, config.disconnect_delay), (Millis(1500), Millis(2000)));
        assert_eq!(config.receiver_max_age, Millis(3000));
    }

    #[test]
    fn a_bad_variable_is_named() {
        for (name, value, text) in [
            (
                "SOCKJS_HEARTBEAT_DELAY",
                "25s",
                r#"variable SOCKJS_HEARTBEAT_DELAY is "25s": it must be a whole number of milliseconds"#,
            ),
            (
                "SOCKJS_DISCONNECT_DELAY",
                "-1",
                r#"variable SOCKJS_DISCONNECT_DELAY is "-1": it must be a whole number of milliseconds"#,
            ),
            ("SOCKJS_TEST_SERVICES", "yes", r#"variable SOCKJS_TEST_SERVICES is "yes": it must be true or false"#),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().to_string(), text);
        }
    }
}
