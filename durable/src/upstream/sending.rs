//! Bytes that wait for upstreams, in all links of an object.

use crate::upstream::socket::UpstreamSocket;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Shortest time between two looks at all WebSockets.
const LOOK: Millis = Millis(20);

/// Number of WebSockets from which on those that took everything are looked for.
const MANY: usize = 64;

/// Bytes that upstreams have not taken, as far as they were looked at. A WebSocket counts until it took everything or is gone, also
/// after its close.
#[derive(Debug, Default)]
pub(super) struct Sending {
    sockets: RefCell<Vec<Rc<UpstreamSocket>>>,
    bytes: Cell<usize>,
    looked: Cell<Millis>,
    /// Number of WebSockets that remained at the last look.
    remained: Cell<usize>,
}

impl Sending {
    /// Returns the bytes that wait, at most.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Notes that so many bytes wait on a WebSocket.
    pub fn note(&self, socket: &Rc<UpstreamSocket>, bytes: usize, now: Millis) {
        let before = socket.noted.replace(Some(bytes));
        self.bytes.set(self.bytes.get().saturating_sub(before.unwrap_or_default()).saturating_add(bytes));
        if before.is_none() {
            self.sockets.borrow_mut().push(socket.clone());
            if self.sockets.borrow().len() >= MANY.saturating_add(self.remained.get().saturating_mul(2)) {
                self.look(now);
            }
        }
    }

    /// Asks the runtime for what waits, unless it was asked just now. Returns the bytes.
    pub fn look(&self, now: Millis) -> usize {
        if self.looked.get() + LOOK <= now {
            self.looked.set(now);
            let mut sockets = self.sockets.borrow_mut();
            let mut sum: usize = 0;
            sockets.retain(|socket| {
                let bytes = socket.buffered();
                sum = sum.saturating_add(bytes);
                socket.noted.set(Some(bytes).filter(|bytes| *bytes > 0));
                bytes > 0
            });
            self.bytes.set(sum);
            self.remained.set(sockets.len());
        }
        self.bytes.get()
    }
}
