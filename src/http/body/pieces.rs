//! Pieces of a request's body. Each is requested only after the one before was taken.

use crate::js::callbacks::{Registration, callback_result};
use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, Uint8Array};
use std::pin::pin;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::Request;

/// Size of the buffer that the runtime fills. Without a buffer it delivers 4 KiB at a time (workerd 1.20261117).
const PIECE: usize = 32 << 10;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    type Reader;

    #[wasm_bindgen(catch, js_name = readerOf)]
    fn reader_of(request: &Request, piece: u32) -> Result<Option<Reader>, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn next(this: &Reader, number: u32, tell: &Function) -> Result<(), JsValue>;

    #[wasm_bindgen(method)]
    fn cancel(this: &Reader);

    #[wasm_bindgen(catch)]
    fn watch(request: &Request, number: u32, tell: &Function) -> Result<bool, JsValue>;
}

/// The rest of a body. Dropping it before the end stops reading.
pub(super) struct Pieces {
    reader: Option<Reader>,
}

impl Pieces {
    /// Starts reading a body of at most this length.
    pub fn of(request: &Request, most: usize) -> Result<Self, JsValue> {
        let piece = u32::try_from(most.clamp(1, PIECE)).unwrap_or(u32::MAX);
        Ok(Self { reader: reader_of(request, piece)? })
    }

    /// Returns the next piece, which must be copied before the next call. Returns `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Uint8Array>, JsValue> {
        let Some(reader) = &self.reader else { return Ok(None) };
        let piece = callback_result(|number, tell| reader.next(number, tell)).await?;
        if piece.is_undefined() {
            self.reader = None;
            return Ok(None);
        }
        piece.dyn_into().map(Some)
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // A read that waits would never end once its client has left (workerd 1.20261117).
        if let Some(reader) = &self.reader {
            reader.cancel();
        }
    }
}

/// Runs `work` while the client of `request` is connected. Returns `None` once the client has left.
///
/// After a reset by the client, the abort signal is the last event of a request: its pending reads and timers never complete
/// (workerd 1.20261117).
pub(crate) async fn while_there<T>(request: &Request, work: impl Future<Output = T>) -> Option<T> {
    let (here, gone) = oneshot::channel::<()>();
    let (_abort, has_left) = Registration::call(move || drop(here), |number, tell| watch(request, number, tell));
    if has_left.unwrap_or(true) {
        return None;
    }
    match select(gone, pin!(work)).await {
        Either::Left(_) => None,
        Either::Right((done, _)) => Some(done),
    }
}
