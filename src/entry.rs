//! The Worker's fetch event, exported by hand.
//!
//! `#[event(fetch)]` (worker 0.8.7) reads what nobody asks for, makes each response twice, and goes through a task of
//! `js_sys`; see `task` and docs/decisions/export-by-hand.md.

use crate::Services;
use crate::facts::Facts;
use crate::headers::Refusal;
use crate::respond::{Reply, refused};
use crate::serve::{Served, answer, note};
use crate::task::promised;
use wasm_bindgen::JsValue;
use worker::{Context, Env, Request, Result, console_error, web_sys, worker_sys};

/// Exports a whole Worker: its fetch event, and the Durable Object class `$class` which holds the connections.
///
/// ```ignore
/// sockjs_edge::export!(SockJs, services);
/// ```
///
/// `$services` is a `fn(&Env) -> Services`. What is under no service's prefix is answered 404, or by `$otherwise`, unless the
/// services have settings that cannot be served; then everything is answered 500 and a text that says what to do.
///
/// ```ignore
/// sockjs_edge::export!(SockJs, services, pages);
///
/// async fn pages(request: Request, env: Env, context: Context) -> Result<Response> {
///     Response::from_html(include_str!("page.html"))
/// }
/// ```
///
/// A Worker that has to look at every request first exports the class by
/// [`durable_object!`](crate::durable_object) and has its own `#[event(fetch)]`, which calls [`serve`](crate::serve).
#[macro_export]
macro_rules! export {
    ($class:ident, $services:path) => {
        $crate::export!($class, $services, $crate::entry::nothing);
    };
    ($class:ident, $services:path, $otherwise:path) => {
        $crate::durable_object!($class, $services);

        const _: () = {
            use ::worker::wasm_bindgen;

            #[allow(missing_docs)]
            #[wasm_bindgen::prelude::wasm_bindgen(js_name = fetch, wasm_bindgen = ::worker::wasm_bindgen)]
            pub fn __sockjs_fetch(
                request: ::worker::worker_sys::web_sys::Request,
                env: ::worker::Env,
                context: ::worker::worker_sys::Context,
            ) -> ::worker::wasm_bindgen::JsValue {
                $crate::entry::fetch($services, $otherwise, request, env, context)
            }
        };
    };
}

/// A request that no service answers.
pub(crate) struct Unserved {
    pub request: web_sys::Request,
    /// Whether a service has its prefix.
    pub is_below_prefix: bool,
    pub env: Env,
    pub context: Context,
}

/// The response, or a promise of it if that has to wait. Only for [`export!`](crate::export).
#[doc(hidden)]
pub fn fetch<Otherwise, Response>(
    services: fn(&Env) -> Services,
    otherwise: fn(Request, Env, Context) -> Otherwise,
    request: web_sys::Request,
    env: Env,
    context: worker_sys::Context,
) -> JsValue
where
    Otherwise: Future<Output = Result<Response>> + 'static,
    Response: Into<Reply>,
{
    answered(services, request, env, context, async move |unserved: Unserved, _: &Facts| {
        let Unserved { request, is_below_prefix, env, context, .. } = unserved;
        match is_below_prefix {
            true => refused(Refusal::not_found()),
            false => Ok(otherwise(request.into(), env, context).await?.into()),
        }
    })
}

/// The same, with `otherwise` for all that no service answers.
pub(crate) fn answered(
    services: fn(&Env) -> Services,
    request: web_sys::Request,
    env: Env,
    context: worker_sys::Context,
    otherwise: impl AsyncFnOnce(Unserved, &Facts) -> Result<Reply> + 'static,
) -> JsValue {
    let context = Context::new(context);
    let reply = async move {
        let facts = Facts::of(&request)?;
        let reply = match answer(services, &request, &facts, &env, &context, None).await {
            Ok(Served::Reply(reply)) => Ok(reply),
            Ok(unserved) => {
                let is_below_prefix = matches!(unserved, Served::NotFound);
                let unserved = Unserved { request, is_below_prefix, env, context };
                otherwise(unserved, &facts).await
            }
            Err(error) => Err(error),
        };
        note(&facts, &reply);
        reply
    };
    promised(async move {
        let reply = reply.await.or_else(|error| {
            // As `#[event(fetch)]` does it, whatever `log` says: it may be the application's.
            console_error!("{error}");
            refused(Refusal::new(500, "INTERNAL SERVER ERROR"))
        });
        // Without even that, the runtime answers when it sees that nobody will.
        reply.ok().map(JsValue::from)
    })
}

/// What is under no service's prefix. Only for [`export!`](crate::export).
#[doc(hidden)]
pub async fn nothing(_: Request, _: Env, _: Context) -> Result<Reply> {
    refused(Refusal::not_found())
}
