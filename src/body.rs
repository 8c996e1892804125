//! The body of a request, up to a limit.

use futures::StreamExt;
use worker::{Request, Result};

/// The body is larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// Reads the body of `request`, no more of it than `limit` bytes.
pub(crate) async fn read(request: &mut Request, limit: usize) -> Result<std::result::Result<Vec<u8>, TooLarge>> {
    let declared = request.headers().get("Content-Length")?.and_then(|length| length.trim().parse::<usize>().ok());
    match declared {
        Some(declared) if declared > limit => Ok(Err(TooLarge)),
        // HTTP does not let more through than was declared; the check costs nothing.
        Some(_) => Ok(within(request.bytes().await?, limit)),
        None if request.inner().body().is_none() => Ok(Ok(Vec::new())),
        None => read_chunks(request, limit).await,
    }
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

/// A body as text. What is no UTF-8 becomes U+FFFD, an unpaired surrogate exactly one.
pub(crate) fn text(body: Vec<u8>) -> String {
    String::from_utf8(body).unwrap_or_else(|error| {
        let mut body = error.into_bytes();
        // The three bytes that some encoders write for half of a surrogate pair, replaced by the three of U+FFFD; the
        // standard library would make three characters of them. No character of UTF-8 holds 0xED 0xA0-0xBF.
        for at in 0..body.len() {
            if let Some([first @ 0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf]) = body.get_mut(at..at + 3) {
                (*first, *second, *third) = (0xef, 0xbf, 0xbd);
            }
        }
        String::from_utf8_lossy(&body).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_within_the_limit_is_taken() {
        assert_eq!(within(vec![0; 3], 3), Ok(vec![0; 3]));
        assert_eq!(within(vec![0; 4], 3), Err(TooLarge));
    }

    #[test]
    fn an_unpaired_surrogate_is_one_replacement_character() {
        for (body, text) in [
            (&b"plain"[..], "plain"),
            ("é漢😀\u{d7ff}\u{e000}".as_bytes(), "é漢😀\u{d7ff}\u{e000}"),
            (b"a\xed\xa0\x80b", "a\u{fffd}b"),
            (b"\xed\xbf\xbf\xed\xa0\x80", "\u{fffd}\u{fffd}"),
            (b"\xed\x9f\xbf\xed\xa0\x80", "\u{d7ff}\u{fffd}"),
            (b"\xff\xed\xa0", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(super::text(body.to_vec()), text, "{body:x?}");
        }
    }
}
