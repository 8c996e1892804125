//! The drain of a node in a cluster: before the node stops, it releases each client that it holds, so that the client moves to
//! another node.

use crate::js::callbacks::Registration;
use futures::channel::oneshot;
use js_sys::Function;
use sockjs_durable::is_node;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(js_name = whenDrained)]
    fn when_drained(number: u32, tell: &Function) -> Function;
}

/// One client's wait for the drain of its node.
#[derive(Debug)]
pub(crate) struct Drain {
    drained: oneshot::Receiver<()>,
    _registration: Registration,
    /// Ends the wait.
    release: Function,
}

impl Drain {
    /// Starts to wait. Returns `None` if there is no node that could be drained, as on Cloudflare.
    pub fn of_node() -> Option<Self> {
        if !is_node() {
            return None;
        }
        let (tell, drained) = oneshot::channel();
        let on_drain = move || {
            // Nobody waits any more.
            let _ = tell.send(());
        };
        let (registration, release) = Registration::call(on_drain, when_drained);
        Some(Self { drained, _registration: registration, release })
    }

    /// Waits until the node is drained.
    pub async fn wait(&mut self) {
        // The channel is cancelled only with this value.
        let _ = (&mut self.drained).await;
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        // The call only removes a function from a set.
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}
