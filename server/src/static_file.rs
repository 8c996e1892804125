//! Files that are served as they are: the stock client and the demo's page.
//!
//! Their texts stand in the Worker's JavaScript, where `build.rs` puts them. In WebAssembly they would be a tenth of it, and each
//! response would copy its own.

use crate::client::client_url;
use crate::demo::ECHO;
use sockjs_edge::entry::{Header, Unserved};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::ResponseInit;
use worker::{Result, web_sys};

/// A file, by the name under which the JavaScript has its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StaticFile {
    name: &'static str,
    /// Its entity tag, with the quotes.
    etag: &'static str,
}

impl StaticFile {
    /// Returns the whole file, or 304 if the client has it. `{client}` in the file becomes the path of the stock client.
    pub fn respond(
        self,
        unserved: &Unserved,
        content_type: &'static str,
        headers: Vec<Header>,
    ) -> Result<web_sys::Response> {
        unserved.file(content_type, self.etag, headers, |init| respond(self.name, &client_url(ECHO), init))
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
