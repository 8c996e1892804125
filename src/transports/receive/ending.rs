//! The end of a response. The object has to learn what was written, or it would send it again in the client's next request.

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

/// Time after which a separate request reports the end of a response that the object did not confirm. A socket that is lost after
/// this side closed it may have no event at all (workerd 1.20261117, in a cluster).
const CONFIRMED_WITHIN: Millis = Millis(500);

/// Longest time for which a response of a stopping node waits until the object knows what was written. The client reconnects at
/// once by way of another node, and must not arrive earlier. The node stops after 3 s.
const DRAINED_WITHIN: Millis = Millis::from_secs(2);

impl HeldResponse {
    /// Ends the response early, since the node is about to stop. A poll gets an empty response.
    pub(super) async fn let_go(&mut self) -> Option<Vec<u8>> {
        let nothing = if self.row.one_frame { self.progress.give_up() } else { None };
        if let Some(told) = self.finish(true) {
            select(told, sleep(DRAINED_WITHIN)).await;
        }
        nothing
    }

    /// Ends the response. With an outbox it waits until its object knows what was written: a restarted object would otherwise
    /// send its stored rows again in the client's next request. Stock clients read everything before the end, except with JSONP.
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

    /// Finishes the response: everything was written, or it has its full length. If a retry is worthwhile, or if the end is
    /// `awaited`, the returned receiver completes once the object knows what was written.
    fn finish(&mut self, awaited: bool) -> Option<oneshot::Receiver<()>> {
        self.departure.complete();
        self.note();
        let (inner, written) = (self.inner.take(), self.progress.seen());
        if let Some(inner) = &inner {
            inner.finish();
        }
        // A retry is only worthwhile if a written frame may be written again, or an unwritten one may be lost.
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

    /// Reports to the object what was written, so that it does not send it to the next receiver, too. Returns to the object what
    /// was not written, in case it forgot that.
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
