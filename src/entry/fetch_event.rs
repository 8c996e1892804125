//! The Worker's fetch event, exported by hand.
//!
//! `#[event(fetch)]` (worker 0.8.7) reads values that nobody needs, creates each response twice, and runs in a task of `js_sys`;
//! see `js::executor` and docs/decisions/export-by-hand.md.

use crate::Services;
use crate::entry::dispatch::{Served, answer, note};
use crate::http::headers::{Header, cached};
use crate::http::refusal::HttpError;
use crate::http::response::{in_a_year, init, refused, unless_tagged};
use crate::js::executor::promised;
use crate::js::request_head::RequestHead;
use futures::future::LocalBoxFuture;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::web_sys::ResponseInit;
use worker::{Context, Env, Request, Result, console_error, web_sys, worker_sys};

/// Exports a whole Worker: its fetch event, and the Durable Object class `$class` which holds the connections.
///
/// ```no_run
/// # use sockjs_edge::Services;
/// # use worker::Env;
/// fn services(_env: &Env) -> Services {
///     Services::new()
/// }
///
/// sockjs_edge::export!(SockJs, services);
/// # fn main() {}
/// ```
///
/// `$services` is a `fn(&Env) -> Services`. A path under no service's prefix is answered with 404, or by `$otherwise`. If the
/// services have settings that cannot be served, every request is answered with 500 and a text that says what to do.
///
/// ```no_run
/// # use sockjs_edge::Services;
/// use worker::{Context, Env, Request, Response, Result};
///
/// async fn pages(_request: Request, _env: Env, _context: Context) -> Result<Response> {
///     Response::from_html("<!DOCTYPE html>")
/// }
/// # fn services(_env: &Env) -> Services { Services::new() }
///
/// sockjs_edge::export!(SockJs, services, pages);
/// # fn main() {}
/// ```
///
/// If your Worker has to see every request first, export the class with [`durable_object!`](crate::durable_object), and call
/// [`serve`](crate::serve) from your own `#[event(fetch)]`.
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

/// A request that no service answers. Only for `sockjs-server`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Unserved {
    pub request: web_sys::Request,
    /// True if the path is under a service's prefix.
    pub is_below_prefix: bool,
    pub env: Env,
    pub context: Context,
    request_head: Rc<RequestHead>,
}

impl Unserved {
    /// Returns the method, exactly as received.
    pub fn method(&self) -> &str {
        &self.request_head.method
    }

    /// Returns the path of the URL.
    pub fn path(&self) -> &str {
        self.request_head.path()
    }

    /// Returns the Worker's own origin, from the URL.
    pub fn origin(&self) -> &str {
        self.request_head.own()
    }

    /// Returns the response that `whole` creates for a file with the entity tag `etag`, or 304 if the client has the file.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly.
    pub fn file(
        &self,
        content_type: &'static str,
        etag: &str,
        headers: Vec<Header>,
        whole: impl FnOnce(&ResponseInit) -> web_sys::Response,
    ) -> Result<web_sys::Response> {
        let whole = |head| Ok(whole(&init(head)?));
        unless_tagged(&self.request, content_type, etag.to_owned(), headers, whole)
    }
}

/// Returns the headers of a file that never changes under its URL. Only for `sockjs-server`.
#[doc(hidden)]
pub fn for_a_year() -> [Header; 2] {
    cached(in_a_year())
}

/// Returns the response to a path that nobody serves. Only for `sockjs-server`.
///
/// # Errors
///
/// Returns an error only if a call of the runtime fails unexpectedly.
#[doc(hidden)]
pub fn not_found() -> Result<web_sys::Response> {
    refused(HttpError::not_found())
}

/// Returns the response, or a promise of it if it has to wait. Only for [`export!`](crate::export).
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
    Response: Into<web_sys::Response>,
{
    let otherwise = move |unserved: Unserved| {
        let Unserved { request, is_below_prefix, env, context, .. } = unserved;
        Box::pin(async move {
            match is_below_prefix {
                true => not_found(),
                false => Ok(otherwise(request.into(), env, context).await?.into()),
            }
        }) as _
    };
    answered(services, request, env, context, Box::new(otherwise))
}

/// The function that answers requests that no service answers.
#[doc(hidden)]
pub type Otherwise = Box<dyn FnOnce(Unserved) -> LocalBoxFuture<'static, Result<web_sys::Response>>>;

/// Does the same, and calls `otherwise` for requests that no service answers. Only for `sockjs-server`.
///
/// The function is neither generic nor async, since the crate that calls it would then compile everything behind it again.
#[doc(hidden)]
pub fn answered(
    services: fn(&Env) -> Services,
    request: web_sys::Request,
    env: Env,
    context: worker_sys::Context,
    otherwise: Otherwise,
) -> JsValue {
    let context = Context::new(context);
    let response = async move {
        let request_head = RequestHead::of(&request)?;
        let is_below_prefix = match answer(services, &request, &request_head, &env, &context, None).await {
            Ok(Served::NotFound) => true,
            Ok(Served::Elsewhere) => false,
            Ok(Served::Response(response)) => {
                let response = Ok(response);
                note(&request_head, &response);
                return response;
            }
            Err(error) => {
                let response = Err(error);
                note(&request_head, &response);
                return response;
            }
        };
        let request_head = Rc::new(request_head);
        let unserved = Unserved { request, is_below_prefix, env, context, request_head: request_head.clone() };
        let response = otherwise(unserved).await;
        note(&request_head, &response);
        response
    };
    promised(Box::pin(async move {
        let response = response.await.or_else(|error| {
            // As `#[event(fetch)]` does it, whatever `log` says: the error may be the application's.
            console_error!("{error}");
            refused(HttpError::new(500, "INTERNAL SERVER ERROR"))
        });
        // Without a response, the runtime answers once it sees that the promise never resolves.
        response.ok().map(JsValue::from)
    }))
}

/// Answers a path under no service's prefix. Only for [`export!`](crate::export).
#[doc(hidden)]
pub async fn nothing(_: Request, _: Env, _: Context) -> Result<web_sys::Response> {
    not_found()
}
