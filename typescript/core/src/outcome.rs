//! Conversion of values and errors between Rust and JavaScript.

use js_sys::futures::JsFuture;
use js_sys::{Function, Promise, Reflect};
use std::fmt::Display;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::Error;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = isPromise)]
    fn is_promise(value: &JsValue) -> bool;

    fn described(thrown: &JsValue) -> String;

    /// Returns an error of the package.
    #[wasm_bindgen(js_name = errorOf)]
    fn error_of(kind: &str, text: &str, detail: &JsValue) -> JsValue;
}

/// Returns a property of an object. Undefined if there is none, or if the value is not an object.
pub fn property(of: &JsValue, name: &str) -> JsValue {
    match of.is_object() || of.is_function() {
        true => Reflect::get(of, &JsValue::from_str(name)).unwrap_or_default(),
        false => JsValue::UNDEFINED,
    }
}

/// Returns the method of an object with this name.
pub fn method(of: &JsValue, name: &str) -> Option<Function> {
    property(of, name).dyn_into().ok()
}

/// Waits for the result of an application's function, if it is a promise. A thrown value becomes an error with its stack.
pub async fn settled(result: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    let value = result?;
    // Checked first, since most functions return nothing.
    if value.is_undefined() || !is_promise(&value) {
        return Ok(value);
    }
    JsFuture::from(Promise::resolve(&value)).await
}

/// Returns the error of a handler, for a value that JavaScript threw.
pub fn failure(thrown: JsValue) -> Error {
    Error::RustError(described(&thrown))
}

/// Returns an error of the package, of a known kind, to be thrown in JavaScript.
pub fn thrown(kind: &str, problem: &impl Display) -> JsValue {
    error_of(kind, &problem.to_string(), &JsValue::UNDEFINED)
}

/// The same with a detail.
pub fn thrown_with(kind: &str, problem: &impl Display, detail: &JsValue) -> JsValue {
    error_of(kind, &problem.to_string(), detail)
}

/// Parses JSON with JavaScript's parser. Null if it is invalid.
pub fn parsed(json: &str) -> JsValue {
    js_sys::JSON::parse(json).unwrap_or(JsValue::NULL)
}
