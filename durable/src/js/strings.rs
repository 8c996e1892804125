//! Strings that stay in JavaScript.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

/// Length from which the runtime's own encoder is faster: wasm-bindgen 0.2.129 copies ASCII character by character.
const LONG: u32 = 96;

#[wasm_bindgen]
extern "C" {
    type Measured;

    #[wasm_bindgen(method, getter)]
    fn length(this: &Measured) -> Option<u32>;

    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    #[wasm_bindgen(method)]
    fn encode(this: &TextEncoder, text: &JsValue) -> Uint8Array;
}

thread_local! {
    static ENCODER: TextEncoder = TextEncoder::new();
}

/// Returns the text of a JavaScript string. `None` if the value is not a string.
#[doc(hidden)]
pub fn text_of(value: &JsValue) -> Option<String> {
    if value.is_string() { JsString::of(value).map(|text| text.utf8()) } else { None }
}

/// A string that is still in JavaScript.
pub(crate) struct JsString<'a> {
    value: &'a JsValue,
    length: u32,
}

impl<'a> JsString<'a> {
    /// Returns a message of a socket, if it is a string. The alternative, an `ArrayBuffer`, has no length, so this takes one
    /// call.
    pub fn of(received: &'a JsValue) -> Option<Self> {
        let length = received.unchecked_ref::<Measured>().length()?;
        Some(Self { value: received, length })
    }

    /// Returns the length in UTF-16 code units, which is at most the length of [`JsString::utf8`] in bytes.
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// Returns the string as UTF-8; each unpaired surrogate becomes U+FFFD.
    pub fn utf8(&self) -> String {
        if self.length < LONG {
            return self.value.as_string().unwrap_or_default();
        }
        let bytes = ENCODER.with(|encoder| encoder.encode(self.value)).to_vec();
        // An encoder produces only valid UTF-8.
        String::from_utf8(bytes).unwrap_or_default()
    }
}
