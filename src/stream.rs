//! A response's body, chunk by chunk as the runtime asks for them.
//!
//! As `worker` makes one of a stream (`wasm-streams` 0.7.0), but that no task of `js_sys` stands behind each chunk: see `task`.

use crate::task::promised;
use futures::future::{AbortHandle, abortable};
use futures::{Stream, StreamExt};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::ReadableStream;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = streamOf)]
    fn stream_of(chunks: Chunks) -> ReadableStream;

    type Controller;

    #[wasm_bindgen(method, catch)]
    fn enqueue(this: &Controller, chunk: Vec<u8>) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &Controller) -> Result<(), JsValue>;
}

type Source = Pin<Box<dyn Stream<Item = Vec<u8>>>>;

/// Where the chunks come from. Dropped, by the runtime when nobody reads any more, it drops that.
#[wasm_bindgen(private)]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))] // the runtime's to call
struct Chunks {
    /// Not there while it is asked for a chunk, and at its end.
    source: Rc<RefCell<Option<Source>>>,
    asking: Option<AbortHandle>,
}

#[wasm_bindgen]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code))]
impl Chunks {
    /// The runtime wants a chunk; gives a promise if that has to wait.
    pub fn pull(&mut self, controller: Controller) -> JsValue {
        let kept = self.source.clone();
        let next = async move {
            let source = kept.take();
            let Some(mut source) = source else { return };
            // The errors are that the stream is over already.
            let _ = match source.next().await {
                Some(chunk) => {
                    kept.replace(Some(source));
                    controller.enqueue(chunk)
                }
                None => controller.close(),
            };
        };
        let (next, asking) = abortable(next);
        self.asking = Some(asking);
        promised(async move {
            let _ = next.await;
            Some(JsValue::UNDEFINED)
        })
    }

    /// Nobody reads any more.
    pub fn cancel(self) {}
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }
}

/// A body of `chunks`, each taken when the one before was.
pub(crate) fn body(chunks: impl Stream<Item = Vec<u8>> + 'static) -> ReadableStream {
    let source: Source = Box::pin(chunks);
    stream_of(Chunks { source: Rc::new(RefCell::new(Some(source))), asking: None })
}
