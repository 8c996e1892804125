//! Texts of JavaScript.

use js_sys::{JsString, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;

/// From here on the runtime's own encoder is faster: wasm-bindgen 0.2.129 copies ASCII character by character.
const LONG: u32 = 96;

#[wasm_bindgen]
extern "C" {
    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    #[wasm_bindgen(method)]
    fn encode(this: &TextEncoder, text: &JsString) -> Uint8Array;
}

thread_local! {
    static ENCODER: TextEncoder = TextEncoder::new();
}

/// `text` in UTF-8; each half of no pair becomes U+FFFD.
pub(crate) fn utf8(text: &JsString) -> String {
    if text.length() < LONG {
        return text.into();
    }
    let bytes = ENCODER.with(|encoder| encoder.encode(text)).to_vec();
    // An encoder writes nothing else.
    String::from_utf8(bytes).unwrap_or_default()
}
