//! WebSockets: their keys, messages that are JavaScript strings already, and closes.

use sockjs_protocol::sockjs::close_code::CloseCode;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::WebSocket;

/// Close code of an obsolete inner socket; the Worker's unacknowledged messages from it do not count as written.
pub(crate) const REPLACED: u16 = CloseCode::Replaced.number();

#[wasm_bindgen]
extern "C" {
    /// While the object is in memory, the runtime returns the same JavaScript object for a socket. A property on it therefore
    /// identifies the socket with a single call; the attachment is read only after a hibernation.
    type Keyed;

    #[wasm_bindgen(method, getter, js_name = sockjsKey)]
    fn key(this: &Keyed) -> Option<f64>;

    #[wasm_bindgen(method, setter, js_name = sockjsKey)]
    fn set_key(this: &Keyed, key: f64);
}

/// Returns the key that `socket` got while the object has been in memory.
pub(crate) fn key(socket: &WebSocket) -> Option<u64> {
    // Keys are whole numbers below 2^53.
    socket.as_ref().unchecked_ref::<Keyed>().key().map(|key| key as u64)
}

/// Sets the key of `socket`.
pub(crate) fn set_key(socket: &WebSocket, key: u64) {
    socket.as_ref().unchecked_ref::<Keyed>().set_key(key as f64);
}

#[wasm_bindgen]
extern "C" {
    type Sender;

    /// `web_sys` (0.3) would copy a string out of wasm for each call.
    #[wasm_bindgen(method, catch)]
    fn send(this: &Sender, string: &JsValue) -> Result<(), JsValue>;
}

/// Sends a string that is in JavaScript already. Returns false if the socket is lost.
pub(crate) fn send_js(socket: &WebSocket, string: &JsValue) -> bool {
    socket.as_ref().unchecked_ref::<Sender>().send(string).is_ok()
}

/// Answers the close of the other side with its code, unless the code may not be sent: the runtime throws at such a code, and at
/// a reason that is too long, and would leave the TCP connection open.
pub(crate) fn answer_close(socket: &WebSocket, code: u16, reason: &str) {
    let (code, reason) = close_answer(code, reason);
    close(socket, code, reason);
}

/// Returns the close frame that answers another one (RFC 6455, section 7.4).
fn close_answer(code: u16, reason: &str) -> (u16, &str) {
    match code {
        // The frame was empty.
        1005 => (1000, ""),
        1004 | 1006 | 1015 => (1002, ""),
        1000..=4999 if reason.len() <= CLOSE_REASON_MAX => (code, reason),
        _ => (1002, ""),
    }
}

/// Longest reason of a close, in bytes: the payload of a control frame, without the code.
const CLOSE_REASON_MAX: usize = 123;

/// Closes a socket that may be closed already. Codes that only the runtime may use are omitted, as it demands.
pub(crate) fn close(socket: &WebSocket, code: u16, reason: &str) {
    // An error means that there is nothing left to close.
    let _ = match code {
        1004..=1006 | 1015 => socket.close::<&str>(None, None),
        code => socket.close(Some(code), Some(reason)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_answered_with_its_code_if_that_may_be_sent() {
        let long = "x".repeat(124);
        for (code, reason, answer) in [
            (1000, "bye", (1000, "bye")),
            (1001, "", (1001, "")),
            (3000, &long[..123], (3000, &long[..123])),
            (4999, "", (4999, "")),
            (1005, "", (1000, "")),
            (0, "", (1002, "")),
            (999, "", (1002, "")),
            (1004, "", (1002, "")),
            (1006, "", (1002, "")),
            (1015, "", (1002, "")),
            (5000, "", (1002, "")),
            (0xe803, "", (1002, "")),
            (65535, "", (1002, "")),
            (1000, &long, (1002, "")),
        ] {
            assert_eq!(close_answer(code, reason), answer, "{code}");
        }
    }
}
