//! A response's body, chunk by chunk as the runtime asks for them.
//!
//! As `worker` makes one of a stream (`wasm-streams` 0.7.0), but that no task of `js_sys` stands behind each chunk: see `task`.

use crate::task::promised;
use futures::future::{AbortHandle, abortable};
use futures::{Stream, StreamExt};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::ReadableStream;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = streamOf)]
    fn stream_of(chunks: SockJsChunks) -> ReadableStream;

    type Controller;

    #[wasm_bindgen(method, catch)]
    fn enqueue(this: &Controller, chunk: Vec<u8>) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &Controller) -> Result<(), JsValue>;
}

type Source = Pin<Box<dyn Stream<Item = Vec<u8>>>>;

/// Where the chunks come from. Dropped, by the runtime when nobody reads any more, it drops that. Its name is wasm's for all that
/// is linked.
#[wasm_bindgen(private)]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))] // the runtime's to call
struct SockJsChunks {
    /// Not there while it is asked for a chunk, and at its end.
    source: Rc<RefCell<Option<Source>>>,
    asking: Cell<Option<AbortHandle>>,
}

#[wasm_bindgen]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
impl SockJsChunks {
    /// The runtime wants a chunk; gives a promise if that has to wait.
    pub fn pull(&self, controller: Controller) -> JsValue {
        let kept = self.source.clone();
        let next = async move {
            let source = kept.take();
            let next = match source {
                Some(mut source) => source.next().await.map(|chunk| (chunk, source)),
                None => None,
            };
            // The errors are that the stream is over already.
            let _ = match next {
                Some((chunk, source)) => {
                    kept.replace(Some(source));
                    controller.enqueue(chunk)
                }
                None => controller.close(),
            };
        };
        let (next, asking) = abortable(next);
        self.asking.set(Some(asking));
        promised(async move {
            let _ = next.await;
            Some(JsValue::UNDEFINED)
        })
    }

    /// Nobody reads any more.
    pub fn cancel(self) {}
}

impl Drop for SockJsChunks {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }
}

/// A body of `chunks`, each taken when the one before was.
pub(crate) fn body(chunks: impl Stream<Item = Vec<u8>> + 'static) -> ReadableStream {
    let source: Source = Box::pin(chunks);
    stream_of(SockJsChunks { source: Rc::new(RefCell::new(Some(source))), asking: Cell::default() })
}
