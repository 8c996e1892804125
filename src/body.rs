//! The body of a request, up to a limit.

use futures::StreamExt;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use worker::{Request, Result};

/// The body is larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads the body of `request`, no more of it than `limit` bytes. `content_length` is the header.
pub(crate) async fn read(
    request: &mut Request,
    content_length: Option<&str>,
    limit: usize,
) -> Result<std::result::Result<Vec<u8>, TooLarge>> {
    match content_length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(declared) if declared > limit => Ok(Err(TooLarge)),
        // HTTP does not let more through than was declared; the check costs nothing.
        Some(_) => Ok(within(bytes_of(request).await?, limit)),
        None if request.inner().body().is_none() => Ok(Ok(Vec::new())),
        None => read_chunks(request, limit).await,
    }
}

async fn bytes_of(request: &Request) -> Result<Vec<u8>> {
    let body = JsFuture::from(request.inner().array_buffer()?).await?;
    Ok(Uint8Array::new(&body).to_vec())
}

/// Reads a body of undeclared length.
async fn read_chunks(request: &mut Request, limit: usize) -> Result<std::result::Result<Vec<u8>, TooLarge>> {
    let mut chunks = request.stream()?;
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
