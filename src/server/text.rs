//! Files that are served as they are. Their texts stand in the Worker's JavaScript, where build.rs puts them: in WebAssembly
//! they would be a tenth of it, and each response would copy its own.

use super::client::client_url;
use super::demo::ECHO;
use crate::headers::Header;
use crate::respond::{Reply, init, unless_tagged};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::ResponseInit;
use worker::{Result, web_sys};

/// A file, by the name under which the JavaScript has its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    name: &'static str,
    /// Its entity tag, with the quotes.
    etag: &'static str,
}

impl Text {
    /// The whole file, or 304 if the client has it. `{client}` in it becomes the path of the stock client.
    pub fn answer(self, request: &web_sys::Request, content_type: &'static str, more: Vec<Header>) -> Result<Reply> {
        unless_tagged(request, content_type, self.etag.to_owned(), more, |head| {
            Ok(respond(self.name, &client_url(ECHO), &init(head)?))
        })
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
