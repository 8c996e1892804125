//! How many connections one client's address opens, where a rate-limiting binding counts them.
//!
//! The Worker does not know which receives open a session. Those of sessions that this isolate has seen are not counted; of
//! others, which are few, some are counted once more.

use crate::Config;
use crate::headers::Refusal;
use sockjs_durable::log;
use std::cell::RefCell;
use std::collections::VecDeque;
use worker::{Env, Request, Result};

/// How many sessions an isolate remembers.
const SEEN_MAX: usize = 4096;

/// Counts a request that may open a connection; a refusal if its address has opened too many.
pub(crate) async fn count(
    config: &Config,
    prefix: &str,
    session: Option<&str>,
    is_websocket: bool,
    request: &Request,
    env: &Env,
) -> Result<std::result::Result<(), Refusal>> {
    let Some(binding) = &config.address_limiter else { return Ok(Ok(())) };
    let name = session.filter(|_| !is_websocket).map(|session| [prefix, "/", session].concat());
    if name.as_ref().is_some_and(|name| is_seen(name)) {
        return Ok(Ok(()));
    }
    let Some(address) = request.headers().get("CF-Connecting-IP")? else { return Ok(Ok(())) };
    let outcome = match env.rate_limiter(binding) {
        Ok(limiter) => limiter.limit([prefix, " ", &address].concat()).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(outcome) if !outcome.success => {
            Ok(Err(Refusal::new(429, "Too many connections from this address: try again later.\n")))
        }
        Ok(_) => {
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
