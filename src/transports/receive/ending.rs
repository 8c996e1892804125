//! The end of a response: the object learns what was written, or it would give it to the client's next request, too.

use super::{BACKOFF, HeldResponse, drained, sleep};
use crate::object::inner_socket::InnerSocket;
use crate::object::stub::AFTER_LOSS;
use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::Uint8Array;
use sockjs_protocol::inner::envelope::{Action, Command};
use sockjs_protocol::sockjs::session::Seq;
use sockjs_protocol::time::Millis;
use std::pin::pin;

/// Time after which an object that did not confirm the end of a response is told by a request. A socket that is lost after this side
/// closed it may have no event at all (workerd 1.20261117, in a cluster).
const CONFIRMED_WITHIN: Millis = Millis(500);

/// Longest time for which a response that ends since its node is about to stop waits until the object knows: the client asks again at
/// once, by way of another node, and must not come before that. The node stops after 3 s.
const DRAINED_WITHIN: Millis = Millis::from_secs(2);

impl HeldResponse {
    /// Ends the response before its time, since the node is about to stop. A poll is answered with nothing.
    pub(super) async fn let_go(&mut self) -> Option<Vec<u8>> {
        let nothing = if self.row.one_frame { self.progress.give_up() } else { None };
        if let Some(told) = self.finish(true) {
            select(told, sleep(DRAINED_WITHIN)).await;
        }
        nothing
    }

    /// Ends the response. With an outbox that is when its object knows what was written: an object that was restarted meanwhile would give
    /// the rows that it still has to the client's next request. Stock clients read what is written before the end, but for JSONP.
    pub(super) async fn end(&mut self) -> Option<Vec<u8>> {
        let told = self.finish(false)?;
        if self.is_confirmed {
            let drain = self.drain.as_mut();
            let drained = pin!(async {
                drained(drain).await;
                sleep(DRAINED_WITHIN).await;
            });
            select(told, drained).await;
        }
        None
    }

    /// The response is over: everything was written, or it is as long as it may be. What is returned ends when the object has been told
    /// what was written, if that is worth a second try, or if it is `awaited`.
    fn finish(&mut self, awaited: bool) -> Option<oneshot::Receiver<()>> {
        self.departure.complete();
        self.note();
        let (inner, written) = (self.inner.take(), self.progress.seen());
        if let Some(inner) = &inner {
            inner.finish();
        }
        // Only what was written and may be written again, or was not written and may be lost, is worth a second try.
        if !awaited && written.is_none() && !inner.as_ref().is_some_and(InnerSocket::has_unwritten) {
            return None;
        }
        let (tells, told) = oneshot::channel();
        let tell = self.tell_written(inner, written);
        self.invocation.stay_for(Box::pin(async move {
            tell.await;
            drop(tells);
        }));
        Some(told)
    }

    /// Sees to it that the object learns what was written, or it would give it to the next receiver, too; and that it gets
    /// back what was not, if it forgot that.
    fn tell_written(&self, inner: Option<InnerSocket>, written: Option<Seq>) -> impl Future<Output = ()> + 'static {
        let (object, url) = (self.object.clone(), self.client.url().to_owned());
        let (service, session, receiver) = (self.service.clone(), self.session.clone(), self.id);
        async move {
            let mut unwritten = None;
            if let Some(inner) = inner {
                let confirmed = match select(pin!(inner.is_confirmed()), sleep(CONFIRMED_WITHIN)).await {
                    Either::Left((confirmed, _)) => confirmed,
                    Either::Right(_) => false,
                };
                if confirmed {
                    return;
                }
                sleep(AFTER_LOSS).await;
                unwritten = inner.unwritten().map(|body| Uint8Array::from(body.as_slice()));
            }
            let bytes = unwritten.as_ref().map_or(0, |body| body.length() as usize);
            let command = Command::new(&service, Action::Wrote { session, receiver, seq: written, bytes });
            for wait in BACKOFF {
                if object.wrote(&url, &command, unwritten.as_ref()).await {
                    return;
                }
                sleep(wait).await;
            }
        }
    }
}
