//! The deployable Worker's variables, from wrangler.toml, the dashboard or `npm run serve -- --var`: `SOCKJS_` and an
//! option's name in capitals, for all services.

use crate::client::client_url;
use sockjs_durable::{ANALYTICS_BINDING, DEVELOPMENT_VAR, NODE_VAR};
use sockjs_edge::{Config, ConfigError, Placement, SECRET_MIN};
use sockjs_protocol::service::options::{NamedOption, OPTIONS};
use sockjs_protocol::service::secrets::{comma_list, is_any_short};
use std::fmt;
use wasm_bindgen::{JsCast, JsValue};
use worker::Env;
use worker::js_sys::{Object, Reflect};

const NAMES: &str = "SOCKJS_";
const TEST_SERVICES: &str = "TEST_SERVICES";
const DEMO: &str = "DEMO";
const PREFIX: &str = "PREFIX";
/// The option that only the gateway has.
const UPSTREAM: &str = "upstream";
/// Prefix of the gateway unless `SOCKJS_PREFIX` says otherwise.
const DEFAULT_PREFIX: &str = "/sockjs";
/// Number of objects that hold the upstream WebSockets of sessions over HTTP, unless `SOCKJS_PLACEMENT` says otherwise.
const POOL: u16 = 8;
/// A secret rather than a variable: tokens that open `/push`, with commas in between.
const PUSH_TOKENS: &str = "PUSH_TOKENS";
/// Another: see [`sockjs_edge::Services::ticket_keys`].
const TICKET_KEYS: &str = "TICKET_KEYS";
/// Another: keys that sign requests to an upstream over HTTP, and open `/publish/`. The library reads it.
const GRIP_KEYS: &str = "GRIP_KEYS";
/// Another: it signs claims for the upstream. The library reads it.
const UPSTREAM_SECRET: &str = "UPSTREAM_SECRET";
/// Another: tokens that open `/metrics`.
const METRICS_TOKENS: &str = "METRICS_TOKENS";

/// A variable of a node in a cluster: cluster/node.js reads it.
const DRAIN_TOKEN: &str = "DRAIN_TOKEN";
/// Another: cluster/limited.js reads it.
const ADDRESS_LIMIT: &str = "ADDRESS_LIMIT";

/// Settings from the variables.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    /// True if the bundled services are served: `SOCKJS_TEST_SERVICES`.
    pub test_services: bool,
    /// True if the demo is served: `SOCKJS_DEMO`.
    pub demo: bool,
    /// Prefix of the gateway, if it is set: `SOCKJS_PREFIX`.
    prefix: Option<String>,
    options: Vec<(&'static NamedOption, String)>,
}

/// A variable that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    Unknown {
        name: String,
    },
    Wrong {
        name: String,
        value: String,
        expected: &'static str,
    },
    /// A secret that is too short to be one.
    Short {
        name: String,
    },
    Refused(ConfigError),
}

impl Problem {
    /// Returns the detail for the log alone. A value may be a secret that came under a wrong name: the public does not see it.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Wrong { name, value, .. } => Some(format!("{name} is {value:?}")),
            Self::Unknown { .. } | Self::Short { .. } | Self::Refused(_) => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                write!(f, "variable {name} is unknown; there are {DEVELOPMENT_VAR}")?;
                let others =
                    [TEST_SERVICES, DEMO, PREFIX, PUSH_TOKENS, TICKET_KEYS, GRIP_KEYS, METRICS_TOKENS, UPSTREAM_SECRET];
                for other in others {
                    write!(f, ", {NAMES}{other}")?;
                }
                OPTIONS.iter().try_for_each(|option| write!(f, ", {NAMES}{}", option.name.to_ascii_uppercase()))
            }
            Self::Wrong { name, expected, .. } => {
                write!(f, "variable {name} must be {expected}; the log has its value")
            }
            Self::Short { name } => {
                write!(
                    f,
                    "a secret {name} must have tokens of at least {SECRET_MIN} characters, with commas in between"
                )
            }
            Self::Refused(ConfigError { option, advice, .. }) => {
                write!(f, "variable {NAMES}{} {advice}", option.to_ascii_uppercase())
            }
        }
    }
}

impl Settings {
    pub fn read(env: &Env) -> Result<Self, Problem> {
        let names = Object::keys(env.unchecked_ref::<Object>()).into_iter().filter_map(|name| name.as_string());
        let variables = names.filter(|name| name.starts_with(NAMES)).map(|name| {
            let value = Reflect::get(env, &JsValue::from_str(&name)).unwrap_or_default();
            (name, value)
        });
        // In workerd, a variable that its environment lacks is null.
        Self::from_variables(
            variables.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, text_of(&value))),
        )
    }

    fn from_variables(variables: impl Iterator<Item = (String, String)>) -> Result<Self, Problem> {
        let mut settings = Self::default();
        for (name, value) in variables {
            let option = name.strip_prefix(NAMES).unwrap_or_default();
            if option == TEST_SERVICES {
                settings.test_services = flag(name, value)?;
            } else if option == DEMO {
                settings.demo = flag(name, value)?;
            } else if option == PREFIX {
                settings.prefix = Some(value.trim().to_owned());
            } else if matches!(option, PUSH_TOKENS | METRICS_TOKENS) {
                if is_any_short(&comma_list(&value).collect::<Vec<_>>()) {
                    return Err(Problem::Short { name });
                }
            } else if matches!(option, TICKET_KEYS | GRIP_KEYS | UPSTREAM_SECRET | DRAIN_TOKEN | ADDRESS_LIMIT)
                || name == ANALYTICS_BINDING
                || name == NODE_VAR
            {
                // Secrets, a binding and more, read where they are needed.
            } else if name == DEVELOPMENT_VAR {
                flag(name, value)?;
            } else if let Some(row) = OPTIONS.iter().find(|row| row.name.to_ascii_uppercase() == option) {
                if let Err(expected) = row.set(&mut Config::new(""), &value) {
                    return Err(Problem::Wrong { name, value, expected });
                }
                settings.options.push((row, value));
            } else {
                return Err(Problem::Unknown { name });
            }
        }
        // Also where no service is on that would be told.
        settings.apply(Config::new("")).check().map_err(Problem::Refused)?;
        if let Some(gateway) = settings.gateway() {
            gateway.check().map_err(Problem::Refused)?;
        }
        Ok(settings)
    }

    /// `config` with what the variables say, for a service with a handler.
    pub fn apply(&self, mut config: Config) -> Config {
        for (option, value) in self.options.iter().filter(|(option, _)| option.name != UPSTREAM) {
            // They were read once already.
            let _ = option.set(&mut config, value);
        }
        config
    }

    /// Returns the options of the gateway, if `SOCKJS_UPSTREAM` names an upstream.
    pub fn gateway(&self) -> Option<Config> {
        let prefix = self.prefix.as_deref().unwrap_or(DEFAULT_PREFIX);
        let config = Config::new(prefix).sockjs_url(client_url(prefix)).placement(Placement::Shards(POOL));
        let mut config = self.apply(config);
        for (option, value) in self.options.iter().filter(|(option, _)| option.name == UPSTREAM) {
            // It was read once already.
            let _ = option.set(&mut config, value);
        }
        config.upstream.is_some().then_some(config)
    }
}

/// Returns true if the demo is served, once the variables were read.
pub(crate) fn is_demo_on(env: &Env) -> bool {
    Reflect::get(env, &JsValue::from_str("SOCKJS_DEMO")).is_ok_and(|value| text_of(&value).trim() == "true")
}

/// The tokens that open `/push`; none, and nobody is let in.
pub(crate) fn push_tokens(env: &Env) -> String {
    env.secret("SOCKJS_PUSH_TOKENS").map(|tokens| tokens.to_string()).unwrap_or_default()
}

/// The tokens that open `/metrics`; none, and there is no such path.
pub(crate) fn metrics_tokens(env: &Env) -> String {
    env.secret("SOCKJS_METRICS_TOKENS").map(|tokens| tokens.to_string()).unwrap_or_default()
}

/// Numbers and booleans keep their type in wrangler.toml; elsewhere every variable is a text. Anything else, such as a
/// binding of this name, is shown as what it is.
fn text_of(value: &JsValue) -> String {
    let is_scalar = value.as_f64().is_some() || value.as_bool().is_some();
    let scalar = || is_scalar.then(|| String::from(value.unchecked_ref::<Object>().to_string()));
    value.as_string().or_else(scalar).unwrap_or_else(|| format!("{value:?}"))
}

fn flag(name: String, value: String) -> Result<bool, Problem> {
    value.trim().parse().map_err(|_| Problem::Wrong { name, value, expected: "true or false" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_edge::Millis;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Problem> {
        Settings::from_variables(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_override_defaults() {
        let none = read(&[]).unwrap();
        assert!(!none.test_services);
        assert_eq!(none.apply(Config::new("/a")), Config::new("/a"));
        let some = read(&[
            ("SOCKJS_TEST_SERVICES", "true"),
            ("SOCKJS_DEVELOPMENT", "false"),
            ("SOCKJS_HEARTBEAT_DELAY", "1500"),
            ("SOCKJS_JSESSIONID", " true "),
        ]);
        let some = some.unwrap();
        assert!(some.test_services);
        assert_eq!(some.apply(Config::new("/a")), Config::new("/a").heartbeat_delay(Millis(1500)).jsessionid(true));
    }

    #[test]
    fn an_upstream_is_for_the_gateway_alone() {
        assert_eq!(read(&[("SOCKJS_PREFIX", "/a")]).unwrap().gateway(), None);
        let upstream = ("SOCKJS_UPSTREAM", "wss://chat.example/{room}");
        assert!(matches!(read(&[upstream]), Err(Problem::Refused(ConfigError { option: "upstream", .. }))));
        let some = read(&[upstream, ("SOCKJS_PREFIX", "/chat/{room}"), ("SOCKJS_GRACE", "10")]).unwrap();
        let gateway = some.gateway().unwrap();
        assert_eq!((&*gateway.prefix, gateway.grace), ("/chat/{room}", Millis(10)));
        assert_eq!(gateway.placement, Placement::Shards(POOL));
        assert_eq!(some.apply(Config::new("/a")), Config::new("/a").grace(Millis(10)));
    }

    #[test]
    fn the_page_of_options_lists_every_one_with_its_default() {
        let page = include_str!("../../docs/options.md");
        let defaults = Config::new("");
        for option in OPTIONS {
            let (start, shown) = (format!("| `{}` | ", option.name), option.show(&defaults));
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(&start));
            // A long one is told in words.
            assert!(rows.any(|row| shown.len() > 20 || row.contains(&shown)), "{}: {shown}", option.name);
        }
    }

    #[test]
    fn wrangler_toml_has_every_option_as_a_comment_with_its_default() {
        let (_, vars) = include_str!("../../wrangler.toml").split_once("# [vars]\n").unwrap();
        let variables: Vec<_> = vars
            .lines()
            .map(|line| {
                let (name, rest) = line.strip_prefix("# ").unwrap().split_once(" = ").unwrap();
                let (value, comment) = rest.split_once(" # ").unwrap();
                assert!(!comment.is_empty(), "{name}");
                (name, value.trim().trim_matches('"'))
            })
            .collect();
        let options = OPTIONS.iter().map(|option| format!("{NAMES}{}", option.name.to_ascii_uppercase()));
        let flags = [TEST_SERVICES, DEMO].map(|flag| format!("{NAMES}{flag}"));
        let own = [format!("{NAMES}{PREFIX}"), DEVELOPMENT_VAR.into()];
        let names: Vec<_> = options.chain(flags).chain(own).collect();
        assert_eq!(variables.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
        let settings = read(&variables).unwrap();
        assert!(!settings.test_services && !settings.demo);
        assert_eq!(settings.apply(Config::new("/a")), Config::new("/a"));
    }

    #[test]
    fn a_variable_that_cannot_be_served_is_named() {
        for (name, value, text) in [
            (
                "SOCKJS_HEARTBEAT_DELAY",
                "25s",
                "variable SOCKJS_HEARTBEAT_DELAY must be a whole number of milliseconds; the log has its value",
            ),
            (
                "SOCKJS_TEST_SERVICES",
                "hunter2",
                "variable SOCKJS_TEST_SERVICES must be true or false; the log has its value",
            ),
            ("SOCKJS_GRACE", "500", "variable SOCKJS_GRACE must be at most 100 ms"),
            ("SOCKJS_DEVELOPMENT", "", "variable SOCKJS_DEVELOPMENT must be true or false; the log has its value"),
            (
                "SOCKJS_PUSH_TOKENS",
                "a token of at least thirty-two characters, short",
                "a secret SOCKJS_PUSH_TOKENS must have tokens of at least 32 characters, with commas in between",
            ),
        ] {
            let problem = read(&[(name, value)]).unwrap_err();
            assert_eq!(problem.to_string(), text);
            assert!(problem.detail().is_none_or(|detail| detail == format!("{name} is {value:?}")));
        }
        assert!(read(&[("SOCKJS_METRICS_TOKENS", ""), ("SOCKJS_PUSH_TOKENS", &"x".repeat(32))]).is_ok());
        for name in ["SOCKJS_HEARTBEAT", "SOCKJS_heartbeat_delay", "SOCKJS_PREFIXES", "SOCKJS_"] {
            let text = read(&[(name, "1")]).unwrap_err().to_string();
            assert!(text.starts_with(&format!("variable {name} is unknown; there are SOCKJS_DEVELOPMENT, ")), "{text}");
            let last = OPTIONS.last().map_or(String::new(), |option| option.name.to_ascii_uppercase());
            assert!(text.ends_with(&format!(", SOCKJS_{last}")), "{text}");
        }
    }
}
