//! The body of a request, up to a limit.

use crate::later::answer;
use futures::StreamExt;
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Request, Result, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = read)]
    fn read_whole(request: &web_sys::Request, number: u32, tell: &Function) -> std::result::Result<(), JsValue>;
}

/// The body is larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads the body of `request`, no more of it than `limit` bytes. `content_length` is the header.
pub(crate) async fn read(
    request: &web_sys::Request,
    content_length: Option<&str>,
    limit: usize,
) -> Result<std::result::Result<Vec<u8>, TooLarge>> {
    match content_length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(declared) if declared > limit => Ok(Err(TooLarge)),
        // HTTP does not let more through than was declared; the check costs nothing.
        Some(_) => Ok(within(bytes_of(request).await?, limit)),
        None if request.body().is_none() => Ok(Ok(Vec::new())),
        None => read_chunks(request, limit).await,
    }
}

async fn bytes_of(request: &web_sys::Request) -> Result<Vec<u8>> {
    let body = answer(|number, tell| read_whole(request, number, tell)).await?;
    Ok(body.dyn_into().map(|body: Uint8Array| body.to_vec())?)
}

/// Reads a body of undeclared length.
async fn read_chunks(request: &web_sys::Request, limit: usize) -> Result<std::result::Result<Vec<u8>, TooLarge>> {
    let mut chunks = Request::from(Clone::clone(request)).stream()?;
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        body.extend(chunk?);
        if body.len() > limit {
            return Ok(Err(TooLarge));
        }
    }
    Ok(Ok(body))
}

fn within(body: Vec<u8>, limit: usize) -> std::result::Result<Vec<u8>, TooLarge> {
    if body.len() > limit { Err(TooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_within_the_limit_is_taken() {
        assert_eq!(within(vec![0; 3], 3), Ok(vec![0; 3]));
        assert_eq!(within(vec![0; 4], 3), Err(TooLarge));
    }
}
