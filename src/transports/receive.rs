//! A receiving request: the Worker holds the client's response, and the object supplies its content.
//!
//! 1. The object is asked to attach a receiver. If it answers a poll at once (200), that is the whole response. A stream's
//!    head and prelude are sent before the object is asked.
//! 2. Otherwise the object responds with 101. The head of a poll's response is sent, and each message on the inner socket is
//!    written as a frame, a large one in pieces. A message is taken only when the client's side asks for it.
//! 3. After the last frame the inner socket is closed with `FINISHED`. If the socket was lost before, a separate request
//!    reports the end. The same happens if the object hibernated meanwhile and lost the messages that this side holds: the
//!    request returns them.
//!
//! If the response ends earlier:
//!
//! * The client leaves: the object receives `Gone`.
//! * The inner socket breaks: step 1 is repeated within the same response.
//! * The client takes nothing for `stall_timeout`: the response is aborted, and the object receives `Stalled`.
//!
//! Steps 1 and 2 are in `attaching`, the end in step 3 is in `ending`.

mod attaching;
mod ending;

use self::attaching::AttachOutcome;
use crate::Config;
use crate::admission::address::SeenSession;
use crate::http::headers::{Head, Header, not_cached, security_policy, unbuffered};
use crate::http::refusal::HttpError;
use crate::http::response::{HttpResponse, cookie_of, cors_of, fixed, refused, streamed};
use crate::js::callbacks::Sleep;
use crate::js::clock::now;
use crate::js::drain::Drain;
use crate::js::invocation::Invocation;
use crate::js::random;
use crate::js::request_head::RequestHead;
use crate::js::stream::body;
use crate::metrics::Refusals;
use crate::object::destination::Destination;
use crate::object::inner_socket::InnerSocket;
use crate::object::stub::{AFTER_LOSS, ClientRequest, ObjectStub, question};
use crate::transports::FORBIDDEN;
use crate::transports::client_departure::ClientDeparture;
use crate::transports::jsonp_callback::callback_of;
use crate::transports::response_clock::{Beat, ResponseClock};
use crate::transports::response_progress::{ResponseProgress, Step, Written};
use futures::Stream;
use futures::future::{Either, pending, select};
use futures::stream::unfold;
use sockjs_durable::log;
use sockjs_protocol::inner::envelope::{FrameRefusal, Pass, ToEdge};
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::liveness::AutomaticAnswer;
use sockjs_protocol::sockjs::session::ReceiverId;
use sockjs_protocol::sockjs::transport::{HTML, Receive};
use sockjs_protocol::time::Millis;
use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;
use worker::web_sys::{self, ReadableStream};
use worker::{Context, Delay, Result};

/// Pauses before the attempts to attach again. An object that was restarted is back within milliseconds.
const BACKOFF: [Millis; 5] = [AFTER_LOSS, Millis(50), Millis(200), Millis(500), Millis(1000)];

/// Shortest duration of a response that ends without a frame: the client asks again at once, and must not do so in a tight loop.
const FAILED_RESPONSE: Millis = Millis::from_secs(1);

/// The header in which an object reports the id of a receiver's connection.
const CONNECTION: &str = "sockjs-edge-connection";

/// Answers the receiving request `row` of `session`, with `more` headers.
pub(crate) async fn receive(
    row: &'static Receive,
    session: &str,
    to: Destination<'_>,
    request: &web_sys::Request,
    request_head: &RequestHead,
    context: &Context,
    more: Vec<Header>,
) -> Result<HttpResponse> {
    let Destination { config, place, pass, frame_ancestors, refusals, object, seen, address, is_proxied, .. } = to;
    let callback = if row.needs_callback() { callback_of(&request_head.url) } else { Ok(String::new()) };
    let callback = match callback {
        Ok(callback) => callback,
        Err(refusal) => {
            refusals.note(Some(row.transport), refusal.reason);
            return refused(refusal);
        }
    };
    let head = head_of(row, config, request, request_head, frame_ancestors)?.with(more);
    let invocation = Invocation::of(context);
    let client = ClientRequest::of(request, &request_head.url, address);
    let client = if config.upstream.is_some() { client.for_upstream(row.transport, is_proxied) } else { client };
    let mut receiver = HeldResponse {
        departure: ClientDeparture::watch(request, &invocation)?,
        invocation,
        inner: None,
        object,
        question: question(config),
        client,
        row,
        service: config.prefix.clone(),
        refusals,
        seen,
        parameters: place.parameters.clone(),
        pass,
        session: session.to_owned(),
        id: ReceiverId(random::id()),
        progress: ResponseProgress::new(row, callback, config),
        timer: None,
        clock: ResponseClock::of(row, config, now()),
        clock_timer: None,
        drain: Drain::of_node(),
        asked: false,
        attempts: 0,
        stall_timeout: config.stall_timeout,
        is_confirmed: config.durability == Durability::Outbox,
        began: now(),
        attached: None,
    };
    if !row.one_frame {
        return streamed(head, &receiver.body());
    }
    // If a frame of the object never arrived, the object sends it again.
    let answer = receiver.attach_again().await;
    match answer {
        // Nobody will read the stream, so nothing would drop it.
        AttachOutcome::Waiting if receiver.departure.is_gone() => fixed(head, []),
        AttachOutcome::Waiting => streamed(head, &receiver.body()),
        AttachOutcome::Complete(frame) => {
            receiver.departure.complete();
            match receiver.take(frame) {
                Step::Write(chunk) => fixed(head, chunk),
                Step::Complete | Step::Skip => fixed(head, []),
            }
        }
        AttachOutcome::Forbidden => {
            receiver.departure.complete();
            receiver.refuse(Refused::Ticket);
            refused(HttpError::new(403, FORBIDDEN))
        }
        // Every client polls again after an empty poll; any status but 200 ends its session.
        AttachOutcome::Drained => fixed(head, receiver.let_go().await.unwrap_or_default()),
        AttachOutcome::Over | AttachOutcome::Broken | AttachOutcome::Failed => {
            receiver.departure.complete();
            receiver.refuse(Refused::Unavailable);
            receiver.last_its_time().await;
            fixed(head, receiver.progress.give_up().unwrap_or_default())
        }
    }
}

/// Returns the head of a response to `row`, with the origins that may frame it.
pub(crate) fn head_of(
    row: &Receive,
    config: &Config,
    request: &web_sys::Request,
    request_head: &RequestHead,
    frame_ancestors: Option<String>,
) -> Result<Head> {
    let mut head = Head::typed(200, row.content_type).with(not_cached()).with(cookie_of(request, config)?);
    if row.cors {
        head = head.with(cors_of(request_head, config));
    }
    if !row.one_frame {
        head = head.with([unbuffered()]);
    }
    if row.content_type == HTML {
        let policy = ["default-src 'none'; script-src 'unsafe-inline'".to_owned()];
        let policy: Vec<_> = policy.into_iter().chain(frame_ancestors).collect();
        head = head.with([security_policy(policy.join("; "))]);
    }
    Ok(head)
}

/// One client's response, and access to its object.
struct HeldResponse {
    // Before `inner`: it is dropped first, and uses the socket to report that the client is gone.
    departure: ClientDeparture,
    inner: Option<InnerSocket>,
    invocation: Invocation,
    object: ObjectStub,
    /// The question on the inner socket, on a node of a cluster.
    question: Option<AutomaticAnswer>,
    client: ClientRequest,
    row: &'static Receive,
    service: String,
    refusals: Refusals,
    /// The session, if this request was not counted as one that may open it.
    seen: Option<SeenSession>,
    parameters: Vec<(String, String)>,
    pass: Option<Pass>,
    session: String,
    id: ReceiverId,
    progress: ResponseProgress,
    /// Ends when an acknowledgement is due.
    timer: Option<Sleep>,
    /// The clock of heartbeats, if this side schedules them, and a timer that ends when the clock may have something due.
    clock: Option<ResponseClock>,
    clock_timer: Option<Sleep>,
    /// Reports when the node is about to stop, in a cluster.
    drain: Option<Drain>,
    /// True if an attach was sent, answered or not.
    asked: bool,
    /// Attempts to attach again since the last message of the object.
    attempts: usize,
    /// Longest time in which the client may take nothing.
    stall_timeout: Millis,
    /// True if the response ends only after the object knows what was written.
    is_confirmed: bool,
    began: Millis,
    /// The object's last response to an attach that waits.
    attached: Option<web_sys::Response>,
}

/// Event that a response waits for.
enum Incoming {
    /// A message of the object.
    Message(Vec<u8>),
    /// A heartbeat of this side.
    Beat(Beat),
    /// The node is about to stop.
    Drain,
}

impl HeldResponse {
    /// Returns the response's body.
    fn body(self) -> ReadableStream {
        let (timeout, on_stall) = (self.stall_timeout, self.departure.on_stall());
        body(self.chunks(), timeout, on_stall)
    }

    /// Returns the chunks of the response's body.
    fn chunks(self) -> impl Stream<Item = Vec<u8>> {
        let prelude = self.progress.prelude();
        unfold((prelude, self), |(prelude, mut receiver)| async move {
            let chunk = match prelude {
                Some(prelude) => Some(prelude),
                None => receiver.next().await,
            };
            if chunk.is_none() {
                receiver.departure.complete();
            }
            chunk.map(|chunk| (chunk, (None, receiver)))
        })
    }

    /// Returns the next chunk, requested after the one before was written. Returns `None` at the end of the response.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let moment = now();
        let written = self.progress.written(moment);
        if let Some(clock) = &mut self.clock {
            clock.wrote(moment);
        }
        self.note();
        match written {
            Written::More => {}
            Written::Last | Written::Enough => return self.end().await,
        }
        loop {
            let message = match self.message().await {
                Some(Incoming::Message(bytes)) => match ToEdge::decode(&bytes) {
                    Ok(message) => message,
                    Err(error) => {
                        // Everything before it was written; the rest is for a request of a version that can decode it.
                        self.warn("envelope", &error);
                        return self.end().await;
                    }
                },
                // The client asks again, and reaches another node.
                Some(Incoming::Drain) => return self.let_go().await,
                Some(Incoming::Beat(beat)) => return Some(self.progress.heartbeat(beat == Beat::End)),
                None if self.departure.is_gone() => return None,
                None => {
                    self.lost();
                    match self.attach_again().await {
                        AttachOutcome::Complete(message) => message,
                        AttachOutcome::Waiting => continue,
                        AttachOutcome::Drained => return self.let_go().await,
                        AttachOutcome::Forbidden => {
                            return Some(
                                self.close(CloseCode::PolicyViolation.number(), FORBIDDEN, Refused::Ticket).await,
                            );
                        }
                        AttachOutcome::Over | AttachOutcome::Broken | AttachOutcome::Failed => {
                            self.refuse(Refused::Unavailable);
                            self.last_its_time().await;
                            return self.progress.give_up();
                        }
                    }
                }
            };
            self.attempts = 0;
            match self.take(message) {
                Step::Write(chunk) => {
                    self.note();
                    return Some(chunk);
                }
                Step::Complete => return self.end().await,
                Step::Skip => {}
            }
        }
    }

    /// Notes the progress of the response, for when the object asks.
    fn note(&self) {
        if let Some(inner) = &self.inner {
            inner.note(self.progress.seen(), self.progress.handed());
        }
    }

    /// Returns the step for a message of the object.
    fn take(&mut self, message: ToEdge) -> Step {
        if let ToEdge::Refusal { reason, .. } = &message {
            self.refuse(match reason {
                FrameRefusal::Full => Refused::Full,
                FrameRefusal::Contended => Refused::Contended,
            });
        }
        if let ToEdge::Frame { frame, .. } = &message
            && frame == "o"
            && let Some(seen) = self.seen.take()
        {
            self.invocation.stay_for(Box::pin(seen.count()));
        }
        self.progress.take(message)
    }

    /// Returns the close frame for a session that the client cannot have. It is delayed, since a client that receives nothing
    /// reconnects at once.
    async fn close(&mut self, code: u16, text: &str, reason: Refused) -> Vec<u8> {
        self.refuse(reason);
        self.last_its_time().await;
        self.progress.close(code, text.trim_end())
    }

    /// Logs a problem, with the id of the connection once its object has reported it.
    fn warn(&self, event: &str, problem: &dyn Display) {
        let connection = self.attached.as_ref().and_then(|response| response.headers().get(CONNECTION).ok().flatten());
        log::warn_of(event, &self.service, connection, problem);
    }

    fn refuse(&self, reason: Refused) {
        self.refusals.note(Some(self.row.transport), reason);
    }

    /// Returns the next message on the inner socket, or the heartbeat that is due before it. Returns `None` when the socket is
    /// lost or the client is gone. Sends due acknowledgements meanwhile.
    async fn message(&mut self) -> Option<Incoming> {
        let inner = self.inner.as_mut()?;
        let clock = self.clock.filter(|_| inner.may_beat());
        loop {
            let moment = now();
            if let Some(seq) = self.progress.acknowledge(moment) {
                inner.acknowledge(seq);
            }
            let at = self.progress.acknowledge_at();
            if at.is_none() && clock.is_none() && self.drain.is_none() {
                return inner.next().await.map(Incoming::Message);
            }
            // Both timers are kept from message to message: they never end too late, and if one ends early it is replaced.
            if let Some(at) = at {
                self.timer.get_or_insert_with(|| Sleep::new(at - moment));
            }
            if let Some(clock) = clock {
                self.clock_timer.get_or_insert_with(|| Sleep::new(clock.wait(moment)));
            }
            let is_beat = {
                let acknowledge = pin!(pending_without(self.timer.as_mut()));
                let beat = pin!(pending_without(self.clock_timer.as_mut()));
                let drain = pin!(drained(self.drain.as_mut()));
                // A message that is ready goes first, and replaces the heartbeat.
                match select(pin!(inner.next()), select(acknowledge, select(beat, drain))).await {
                    Either::Left((message, _)) => return message.map(Incoming::Message),
                    Either::Right((Either::Left(_), _)) => false,
                    Either::Right((Either::Right((Either::Left(_), _)), _)) => true,
                    Either::Right((Either::Right((Either::Right(_), _)), _)) => return Some(Incoming::Drain),
                }
            };
            if !is_beat {
                self.timer = None;
                continue;
            }
            self.clock_timer = None;
            if let Some(beat) = clock.and_then(|clock| clock.due(now())) {
                return Some(Incoming::Beat(beat));
            }
        }
    }

    /// Waits until the response has lasted as long as one without a frame should.
    async fn last_its_time(&self) {
        sleep(FAILED_RESPONSE - (now() - self.began)).await;
    }

    fn lost(&mut self) {
        self.departure.lost();
        self.inner = None;
    }
}

/// Waits for `timer`, or for ever if there is none.
async fn pending_without(timer: Option<&mut Sleep>) {
    match timer {
        Some(timer) => timer.await,
        None => pending().await,
    }
}

/// Waits until the node is about to stop, or for ever where there is none.
async fn drained(drain: Option<&mut Drain>) {
    match drain {
        Some(drain) => drain.wait().await,
        None => pending().await,
    }
}

fn sleep(time: Millis) -> Delay {
    Delay::from(Duration::from_millis(time.0))
}
