//! Random numbers from the runtime's cryptographic source: ids must not be guessable, and clients without a random source of
//! their own are seeded with `/info`'s entropy.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// Returns 32 random bits.
pub(crate) fn u32() -> u32 {
    let mut bytes = [0; 4];
    get_random_values(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// Returns a random id for use within one object: 53 bits, which JavaScript and the runtime's SQL represent exactly.
pub(crate) fn id() -> u64 {
    let mut bytes = [0; 8];
    get_random_values(&mut bytes);
    u64::from_le_bytes(bytes) >> 11
}

/// Returns a globally unique random name, in hexadecimal.
pub(crate) fn name() -> String {
    let mut bytes = [0; 16];
    get_random_values(&mut bytes);
    format!("{:032x}", u128::from_le_bytes(bytes))
}
