//! Reads a body by pieces, as long as it is fast enough while others wait for its memory.

use super::buffer::{Buffer, Whole};
use super::memory::{Kind, Reservation, SMALL};
use super::pace::Pace;
use super::pieces::Pieces;
use super::{Body, Bytes, Unread};
use crate::js::callbacks::Sleep;
use crate::js::clock::now;
use futures::future::{Either, select};
use js_sys::Uint8Array;
use sockjs_protocol::time::Millis;
use std::pin::pin;
use worker::web_sys::Request;

/// Waits for memory, then reads a body of `length`, or of up to `limit` bytes if it is not declared.
pub(super) async fn read_by_pieces(
    request: &Request,
    length: Option<usize>,
    limit: usize,
    wait: Millis,
) -> Result<Body, Unread> {
    let mut reserved = length.unwrap_or(SMALL.min(limit));
    let mut reservation = Reservation::of(Kind::of(length), reserved, wait).await?;
    let mut buffer = match length {
        Some(length) => Gathered::Declared(Whole::of(length)?),
        None => Gathered::Undeclared(Buffer::undeclared(limit)),
    };
    let mut pieces = Pieces::of(request, reserved).map_err(|_| Unread::Broken)?;
    let mut watch = Watch::new();
    while let Some(piece) = watch.next(&mut pieces, &reservation).await? {
        let size = usize::try_from(piece.length()).unwrap_or(usize::MAX);
        if buffer.with(size)? > reserved {
            reserved = limit;
            reservation = reservation.enlarged(limit, wait).await?;
            // The body was not read while it waited for memory.
            watch = Watch::new();
        }
        match &mut buffer {
            Gathered::Declared(whole) => whole.add(&piece),
            Gathered::Undeclared(buffer) => piece.copy_to(buffer.room(size)?),
        }
        watch.pace.add(size);
    }
    let bytes = match buffer {
        Gathered::Declared(whole) => Bytes::Outside(whole.finish()),
        Gathered::Undeclared(buffer) => Bytes::Inside(buffer.into_bytes()),
    };
    reservation.settle(bytes.len());
    Ok(Body { bytes, reservation })
}

/// The pieces that have arrived.
enum Gathered {
    Declared(Whole),
    Undeclared(Buffer),
}

impl Gathered {
    /// Returns the length after `piece` more bytes, or an error if that exceeds the limit.
    fn with(&self, piece: usize) -> Result<usize, Unread> {
        match self {
            Self::Declared(whole) => whole.with(piece),
            Self::Undeclared(buffer) => buffer.with(piece),
        }
    }
}

/// Checks from time to time how fast a body arrives.
struct Watch {
    pace: Pace,
    timer: Sleep,
}

impl Watch {
    fn new() -> Self {
        let now = now();
        let pace = Pace::new(now);
        Self { timer: Sleep::new(pace.left(now)), pace }
    }

    /// Waits for the next piece.
    async fn next(&mut self, pieces: &mut Pieces, reservation: &Reservation) -> Result<Option<Uint8Array>, Unread> {
        let mut piece = pin!(pieces.next());
        loop {
            if let Either::Left((piece, _)) = select(piece.as_mut(), &mut self.timer).await {
                return piece.map_err(|_| Unread::Broken);
            }
            let now = now();
            reservation.renew();
            if self.pace.is_slow(now, reservation.is_waited_for(now)) {
                return Err(Unread::TooSlow);
            }
            self.timer = Sleep::new(self.pace.left(now));
        }
    }
}
