//! The services and options that the JavaScript application registered with `sockjs()`.

use crate::handler::JsHandler;
use crate::outcome::{failure, property, settled};
use js_sys::{Array, Object};
use sockjs_edge::entry::{Unserved, not_found};
use sockjs_edge::{Config, Services};
use sockjs_protocol::service::options::OPTIONS;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Error, Result, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Returns everything that was registered.
    pub fn application() -> JsValue;
}

/// Builds the services that the application registered.
pub fn services(_env: &Env) -> Services {
    let application = application();
    let all = property(&application, "options");
    let mut services = Services::new();
    if let Some(binding) = property(&all, "binding").as_string() {
        services = services.binding(binding);
    }
    if let Some(secret) = property(&all, "ticket_keys").as_string() {
        services = services.ticket_keys(secret);
    }
    for service in Array::from(&property(&application, "services")) {
        let prefix = property(&service, "prefix").as_string().unwrap_or_default();
        let config = match config(&prefix, &[&all, &property(&service, "options")]) {
            Ok(config) => config,
            Err(problem) => return Services::misconfigured(problem),
        };
        services = services.add(config, move |env| JsHandler::new(&service, env));
    }
    services
}

/// Names of options that apply to the whole Worker.
const WHOLE: &[&str] = &["binding", "ticket_keys", "fetch"];

/// Reads the options of a service: the common ones, and its own.
fn config(prefix: &str, options: &[&JsValue]) -> std::result::Result<Config, String> {
    let mut config = Config::new(prefix);
    for (level, given) in options.iter().enumerate() {
        if !given.is_object() {
            continue;
        }
        for name in Object::keys(given.unchecked_ref::<Object>()) {
            let Some(name) = name.as_string() else { continue };
            if level == 0 && WHOLE.contains(&&*name) {
                continue;
            }
            let value = property(given, &name);
            if value.is_undefined() {
                continue;
            }
            let problem = |expected: &str| format!("service {prefix:?}: option {name} must be {expected}");
            let option = OPTIONS.iter().find(|option| option.name == name).ok_or_else(|| unknown(prefix, &name))?;
            let text =
                written(&value).ok_or_else(|| problem("a string, a number, true, false, null or a list of strings"))?;
            option.set(&mut config, &text).map_err(problem)?;
        }
    }
    Ok(config)
}

/// Returns the error for an unknown option, with the name that was probably meant.
fn unknown(prefix: &str, name: &str) -> String {
    let snake: String = name
        .chars()
        .flat_map(|letter| letter.is_ascii_uppercase().then_some('_').into_iter().chain([letter.to_ascii_lowercase()]))
        .collect();
    let meant = OPTIONS.iter().find(|option| option.name == snake);
    let meant = meant.map(|option| format!(": did you mean {}?", option.name)).unwrap_or_default();
    format!("service {prefix:?}: there is no option {name}{meant}")
}

/// Converts a value into the string that a variable would have.
fn written(value: &JsValue) -> Option<String> {
    if value.is_null() {
        return Some(String::new());
    }
    if let Some(list) = value.dyn_ref::<Array>() {
        let items: Option<Vec<_>> = list.iter().map(|item| item.as_string()).collect();
        return Some(items?.join(","));
    }
    let number = || value.as_f64().map(|number| number.to_string());
    let flag = || value.as_bool().map(|flag| flag.to_string());
    value.as_string().or_else(number).or_else(flag)
}

/// Calls the application's `fetch` for a request that no service answers.
pub async fn otherwise(unserved: Unserved, otherwise: JsValue, context: JsValue) -> Result<web_sys::Response> {
    let Unserved { request, is_below_prefix, env, .. } = unserved;
    if is_below_prefix {
        return not_found();
    }
    let Ok(function) = otherwise.dyn_into::<js_sys::Function>() else { return not_found() };
    let response = settled(function.call3(&JsValue::UNDEFINED, &request, &env, &context)).await;
    let response = response.map_err(failure)?;
    response.dyn_into().map_err(|_| Error::RustError("fetch of the application returned no Response".into()))
}
