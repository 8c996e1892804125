//! Bodies of sends, read within the memory that all bodies of one isolate may take.
//!
//! * A body with a small declared length is read by one call of the runtime, if the small pool is at least half free.
//! * Every other body stays unread until there is memory for it, so that TCP holds its client back. It is then read by
//!   pieces, and can be ended when it is too long or too slow, or when its client leaves.

mod buffer;
mod memory;
mod pace;
mod pieces;
mod pool;
mod reading;

use self::memory::Kind;
pub(crate) use self::memory::Reservation;
pub(crate) use self::pieces::while_there;
use self::reading::read_by_pieces;
use crate::js::callbacks::callback_result;
use js_sys::{Function, Uint8Array};
use sockjs_protocol::time::Millis;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = read)]
    fn read_whole(request: &web_sys::Request, number: u32, tell: &Function) -> Result<(), JsValue>;
}

/// True if a body with this `Content-Length` uses the pool for large bodies, or may need it.
pub(crate) fn is_large(content_length: Option<&str>) -> bool {
    let length = content_length.and_then(|length| length.trim().parse::<u64>().ok());
    length.is_none_or(|length| length >= memory::SMALL as u64)
}

/// A complete body, with its reserved memory; dropping this value releases the reservation.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Bytes,
    reservation: Reservation,
}

/// The bytes of a body.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// In the memory of wasm.
    Inside(Vec<u8>),
    /// In an array of JavaScript, which a request can take as it is.
    Outside(Uint8Array),
}

impl Bytes {
    fn len(&self) -> usize {
        match self {
            Self::Inside(bytes) => bytes.len(),
            Self::Outside(bytes) => usize::try_from(bytes.length()).unwrap_or(usize::MAX),
        }
    }

    /// Returns the bytes, and the JavaScript array that also holds them, if any.
    pub fn read(self) -> (Vec<u8>, Option<Uint8Array>) {
        match self {
            Self::Inside(bytes) => (bytes, None),
            Self::Outside(bytes) => (bytes.to_vec(), Some(bytes)),
        }
    }
}

impl Body {
    /// Returns the bytes, and the reservation, to be kept as long as any of the bytes.
    pub fn into_parts(self) -> (Bytes, Reservation) {
        (self.bytes, self.reservation)
    }
}

/// Reason why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The body is larger than the limit.
    TooLarge,
    /// The body brought next to nothing while others waited for its memory.
    TooSlow,
    /// No memory was available in time.
    Busy,
    /// The body broke off: the client left, and will not read a response.
    Broken,
}

/// Reads the body of `request`, at most `limit` bytes, once there is memory for it. Waits for the memory up to `wait`.
/// `content_length` is the header's value.
pub(crate) async fn read(
    request: &web_sys::Request,
    content_length: Option<&str>,
    limit: usize,
    wait: Millis,
) -> Result<Body, Unread> {
    let length = declared(content_length, limit)?;
    let at_once = length.filter(|_| Kind::of(length) == Kind::Small).and_then(Reservation::for_one_call);
    if let Some(reservation) = at_once {
        let bytes = bytes_of(request).await.map_err(|_| Unread::Broken)?;
        // HTTP delivers no more bytes than declared; the check costs nothing.
        return if bytes.len() > limit {
            Err(Unread::TooLarge)
        } else {
            Ok(Body { bytes: Bytes::Inside(bytes), reservation })
        };
    }
    // Boxed, so that the future of bodies that one call reads stays small.
    let read = Box::pin(read_by_pieces(request, length, limit, wait));
    while_there(request, read).await.unwrap_or(Err(Unread::Broken))
}

/// Returns the declared length, if there is one.
fn declared(content_length: Option<&str>, limit: usize) -> Result<Option<usize>, Unread> {
    let Some(text) = content_length.map(str::trim) else { return Ok(None) };
    // Not `usize`, which is 32 bits wide here.
    let Ok(length) = text.parse::<u64>() else { return Ok(None) };
    match usize::try_from(length) {
        Ok(length) if length <= limit => Ok(Some(length)),
        _ => Err(Unread::TooLarge),
    }
}

async fn bytes_of(request: &web_sys::Request) -> Result<Vec<u8>, JsValue> {
    let body = callback_result(|number, tell| read_whole(request, number, tell)).await?;
    body.dyn_into().map(|body: Uint8Array| body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_declared_within_the_limit_is_taken() {
        assert_eq!(declared(Some(" 3 "), 3), Ok(Some(3)));
        assert_eq!(declared(Some("4"), 3), Err(Unread::TooLarge));
        assert_eq!(declared(Some("5000000000"), 3), Err(Unread::TooLarge));
    }

    #[test]
    fn a_body_without_a_readable_length_is_not_declared() {
        for length in [None, Some(""), Some("-1"), Some("3, 3")] {
            assert_eq!(declared(length, 3), Ok(None));
        }
    }
}
