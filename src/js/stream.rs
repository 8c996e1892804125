//! A response's body, delivered piece by piece as the runtime pulls.
//!
//! Like `worker`'s body of a stream (`wasm-streams` 0.7.0), but without a task of `js_sys` for each chunk: see `executor`. A
//! large chunk is delivered in pieces. If the client does not take the next piece for `stall_timeout`, its response is aborted.

use crate::js::callbacks::{Registration, wake};
use crate::js::clock::now;
use crate::js::executor::promised;
use crate::js::stall::{Stall, StallCheck};
use futures::future::{AbortHandle, abortable};
use futures::{Stream, StreamExt};
use js_sys::Error;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::ReadableStream;

/// Size of a piece; the last one may be almost twice as long. Each piece that the runtime takes shows that the client reads. A
/// chunk that fits a window is one piece: a chunk of 64 KiB in pieces of 16 KiB took 1.4 times the processor time.
const PIECE: usize = 40 << 10;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = streamOf)]
    fn stream_of(chunks: SockJsChunks) -> ReadableStream;

    type Controller;

    #[wasm_bindgen(method, catch)]
    fn enqueue(this: &Controller, piece: Vec<u8>) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &Controller) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn error(this: &Controller, reason: &Error) -> Result<(), JsValue>;
}

type Source = Pin<Box<dyn Stream<Item = Vec<u8>>>>;

/// Function that is called when the client stalls.
type OnStall = Box<dyn FnOnce()>;

/// The runtime's view of the source. The runtime drops it when nobody reads any more. The name is visible to everything that is
/// linked into the wasm module.
#[wasm_bindgen(private)]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))] // called by the runtime
struct SockJsChunks {
    body: Rc<ResponseBody>,
    asking: Cell<Option<AbortHandle>>,
}

#[wasm_bindgen]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
impl SockJsChunks {
    /// Delivers the next piece when the runtime has taken the last one. Returns a promise if it has to wait.
    pub fn pull(&self, controller: Controller) -> JsValue {
        let body = self.body.clone();
        body.stall.borrow_mut().taken();
        let piece = body.next_piece();
        if let Some(piece) = piece {
            body.give(controller, piece);
            return JsValue::UNDEFINED;
        }
        let next = async move {
            let source = body.source.take();
            let next = match source {
                Some(mut source) => source.next().await.map(|chunk| (chunk, source)),
                None => None,
            };
            match next {
                Some((chunk, source)) => {
                    body.source.replace(Some(source));
                    let piece = body.first_piece(chunk);
                    body.give(controller, piece);
                }
                // An error means that the stream is over already.
                None => drop(controller.close()),
            }
        };
        let (next, asking) = abortable(next);
        self.asking.set(Some(asking));
        promised(Box::pin(async move {
            let _ = next.await;
            Some(JsValue::UNDEFINED)
        }))
    }

    /// Drops the source: nobody reads any more.
    pub fn cancel(self) {}
}

impl Drop for SockJsChunks {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }
}

/// Body of a response.
struct ResponseBody {
    /// `None` while a chunk is being requested, and after the end.
    source: RefCell<Option<Source>>,
    /// The chunk that is delivered in pieces, and the number of its bytes that were delivered.
    chunk: RefCell<Option<(Vec<u8>, usize)>>,
    stall: RefCell<Stall>,
    on_stall: Cell<Option<OnStall>>,
    /// Controller that has the waiting piece.
    controller: RefCell<Option<Controller>>,
    /// Set from the first piece on for as long as pieces wait. It is reused, since a timer for each piece would cost too much.
    timer: RefCell<Option<Registration>>,
}

impl ResponseBody {
    /// Gives `piece` to the runtime.
    fn give(self: &Rc<Self>, controller: Controller, piece: Vec<u8>) {
        if controller.enqueue(piece).is_err() {
            // The stream is over already.
            return;
        }
        self.controller.replace(Some(controller));
        let now = now();
        self.stall.borrow_mut().give(now);
        if self.timer.borrow().is_none() {
            self.look(now);
        }
    }

    /// Keeps `chunk`, and returns its first piece.
    fn first_piece(&self, chunk: Vec<u8>) -> Vec<u8> {
        if chunk.len() < 2 * PIECE {
            return chunk;
        }
        self.chunk.replace(Some((chunk, 0)));
        self.next_piece().unwrap_or_default()
    }

    /// Returns the next piece of a chunk that is not complete.
    fn next_piece(&self) -> Option<Vec<u8>> {
        let (chunk, from) = self.chunk.take()?;
        let (piece, to) = piece_of(&chunk, from);
        if to < chunk.len() {
            self.chunk.replace(Some((chunk, to)));
        }
        Some(piece)
    }

    /// Aborts the response if its client stalls. Otherwise schedules the next check.
    fn look(self: &Rc<Self>, now: Millis) {
        let look = self.stall.borrow().look(now);
        let timer = match look {
            StallCheck::Idle => None,
            StallCheck::After(time) => Some(self.timer(time)),
            StallCheck::Stalled => {
                self.abort();
                None
            }
        };
        self.timer.replace(timer);
    }

    fn timer(self: &Rc<Self>, after: Millis) -> Registration {
        let body = Rc::downgrade(self);
        let look = move || {
            if let Some(body) = body.upgrade() {
                body.look(now());
            }
        };
        Registration::call(look, |number, tell| wake(after.0 as f64, number, tell)).0
    }

    /// Ends the response early, and drops the rest of its body.
    fn abort(&self) {
        self.stall.borrow_mut().taken();
        if let Some(on_stall) = self.on_stall.take() {
            on_stall();
        }
        let (source, chunk, controller) = (self.source.take(), self.chunk.take(), self.controller.take());
        drop((source, chunk));
        if let Some(controller) = controller {
            // An error means that the stream is over already.
            let _ = controller.error(&Error::new("the client stalls"));
        }
    }
}

/// Returns the piece of `chunk` that begins at `from`, and its end. No UTF-8 character is split.
fn piece_of(chunk: &[u8], from: usize) -> (Vec<u8>, usize) {
    let is_last = chunk.len().saturating_sub(from) < 2 * PIECE;
    let end = if is_last { chunk.len() } else { from.saturating_add(PIECE) };
    let is_inside = |at: &usize| chunk.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let to = (0..4).map(|back| end.saturating_sub(back)).find(|at| !is_inside(at)).unwrap_or(end);
    (chunk.get(from..to).unwrap_or_default().to_vec(), to)
}

/// Returns a body of `chunks`, each requested after the one before was taken. If the client takes nothing for `timeout`,
/// `on_stall` is called, `chunks` is dropped and the response is aborted.
pub(crate) fn body(
    chunks: impl Stream<Item = Vec<u8>> + 'static,
    timeout: Millis,
    on_stall: impl FnOnce() + 'static,
) -> ReadableStream {
    let source: Source = Box::pin(chunks);
    let on_stall: OnStall = Box::new(on_stall);
    let body = Rc::new(ResponseBody {
        source: RefCell::new(Some(source)),
        chunk: RefCell::default(),
        stall: RefCell::new(Stall::new(timeout)),
        on_stall: Cell::new(Some(on_stall)),
        controller: RefCell::default(),
        timer: RefCell::default(),
    });
    stream_of(SockJsChunks { body, asking: Cell::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_chunk() {
        let texts = [1, PIECE, 2 * PIECE - 1, 2 * PIECE, 3 * PIECE, 3 * PIECE + 7].map(|len| "x".repeat(len));
        for text in texts.into_iter().chain(["é", "漢", "😀", "aé"].map(|text| text.repeat(PIECE))) {
            let (mut whole, mut at) = (String::new(), 0);
            while at < text.len() {
                let (piece, to) = piece_of(text.as_bytes(), at);
                assert!((1..2 * PIECE + 4).contains(&piece.len()));
                whole.push_str(std::str::from_utf8(&piece).unwrap());
                at = to;
            }
            assert!(whole == text, "{} bytes", text.len());
        }
    }
}
