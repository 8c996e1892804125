//! How many connections one client's address opens, where a rate-limiting binding counts them.
//!
//! The Worker does not know which receives open a session. Those of sessions that this isolate has seen are not counted; of
//! others, which are few, some are counted once more.

use crate::Config;
use crate::facts::header;
use crate::headers::Refusal;
use js_sys::futures::JsFuture;
use js_sys::{Object, Reflect};
use sockjs_durable::log;
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::RateLimiter;
use worker::{Env, Result, web_sys};

/// How many sessions an isolate remembers.
const SEEN_MAX: usize = 4096;

/// Counts a request that may open a connection; a refusal if its address has opened too many.
pub(crate) async fn count(
    config: &Config,
    prefix: &str,
    session: Option<&str>,
    is_websocket: bool,
    request: &web_sys::Request,
    env: &Env,
) -> Result<std::result::Result<(), Refusal>> {
    let Some(binding) = &config.address_limiter else { return Ok(Ok(())) };
    let name = session.filter(|_| !is_websocket).map(|session| [prefix, "/", session].concat());
    if name.as_ref().is_some_and(|name| is_seen(name)) {
        return Ok(Ok(()));
    }
    let Some(address) = header(request, "CF-Connecting-IP")? else { return Ok(Ok(())) };
    match is_within_limit(env, binding, &[prefix, " ", &address].concat()).await {
        Ok(false) => Ok(Err(Refusal::new(429, "Too many connections from this address: try again later.\n"))),
        Ok(true) => {
            if let Some(name) = name {
                remember(name);
            }
            Ok(Ok(()))
        }
        Err(error) => {
            // Better to let clients in than to be down with the limiter.
            log::error("rate_limiter", Some(&config.prefix), error);
            Ok(Ok(()))
        }
    }
}

/// Asks the binding. `worker`'s own wrapper (0.8.7) brings along all of serde for a key and a flag.
async fn is_within_limit(env: &Env, binding: &str, key: &str) -> Result<bool> {
    let limiter: RateLimiter = JsValue::from(env.rate_limiter(binding)?).unchecked_into();
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str("key"), &JsValue::from_str(key))?;
    let outcome = JsFuture::from(limiter.limit(options)?).await?;
    Ok(Reflect::get(&outcome, &JsValue::from_str("success"))?.is_truthy())
}

thread_local! {
    static SEEN: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

fn is_seen(name: &str) -> bool {
    SEEN.with_borrow(|seen| seen.iter().any(|known| known == name))
}

fn remember(name: String) {
    SEEN.with_borrow_mut(|seen| {
        if seen.len() == SEEN_MAX {
            seen.pop_front();
        }
        seen.push_back(name);
    });
}
