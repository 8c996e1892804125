//! The handler of a service with an upstream.

use crate::application::connection::{Connection, ReadyState};
use crate::application::handler::{CallError, ErasedHandler};
use crate::application::room::Room;
use crate::js::clock::now;
use crate::observe::log;
use crate::upstream::binding::service_binding;
use crate::upstream::link::{Link, Shared};
use crate::upstream::socket::{Request, UpstreamSocket};
use futures::future::LocalBoxFuture;
use js_sys::Math;
use sockjs_protocol::observe::metrics::UpstreamCounts;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::upstream::breaker::{Outcome, Permit};
use sockjs_protocol::upstream::close::{ClientEnd, Close, Refusal, UpstreamEnd};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::ready;
use std::rc::Rc;
use worker::{Env, Result};

/// The connections of one service of an object to its upstream.
pub(crate) struct Gateway {
    shared: Rc<Shared>,
    env: Env,
    /// By the ids of the connections.
    links: RefCell<HashMap<String, Rc<Link>>>,
}

impl Gateway {
    pub fn new(config: Rc<Config>, env: Env) -> Self {
        Self { shared: Rc::new(Shared::new(config)), env, links: RefCell::default() }
    }

    /// Opens the connection to the upstream. The client's messages wait in its inbox until then.
    async fn open(&self, connection: Connection) {
        let Some(headers) = connection.entry.upstream_headers.take() else { return end_lost(&connection) };
        match self.connect(&connection, &headers).await {
            Ok(socket) => {
                let link = Link::new(self.shared.clone(), connection.clone(), socket);
                if let Err(error) = link.listen() {
                    log::error("upstream", Some(connection.prefix()), error);
                    return end_lost(&connection);
                }
                if connection.ready_state() != ReadyState::Open {
                    // The client left meanwhile.
                    return link.leave(&ClientEnd::Lost.to_upstream());
                }
                self.links.borrow_mut().insert(connection.id().to_owned(), link);
            }
            Err(refusal) => {
                let Close { code, reason } = refusal.close();
                connection.end(code, &reason);
            }
        }
    }

    async fn connect(
        &self,
        connection: &Connection,
        headers: &[(&'static str, String)],
    ) -> std::result::Result<UpstreamSocket, Refusal> {
        let config = &self.shared.config;
        let Some(upstream) = &config.upstream else { return Err(Refusal::Unreachable) };
        let Some(url) = upstream.url(connection.parameters()) else { return Err(Refusal::Status(404)) };
        let Some(service) = service_binding(upstream, &config.prefix, &self.env) else {
            return Err(Refusal::Unreachable);
        };
        let permit = self.shared.breakers.borrow_mut().ask(&url, now(), random());
        let is_allowed = !matches!(permit, Permit::Refuse { .. });
        count(connection, &UpstreamCounts::asked(self.shared.breakers.borrow().state(&url), is_allowed));
        let attempt = match permit {
            Permit::Ask(attempt) | Permit::Probe(attempt) => attempt,
            Permit::Refuse { .. } => return Err(Refusal::Paused),
        };
        let protocols = &config.upstream_protocols;
        let timeout_ms = config.upstream_timeout.0 as f64;
        let request = Request { service: &service, url: &url, headers, protocols, timeout_ms };
        let opened = UpstreamSocket::open(request).await;
        let refusal = opened.as_ref().err().map(|(refusal, _)| *refusal);
        if let Some(outcome) = refusal.map_or(Some(Outcome::Success), Outcome::of_refusal) {
            let mut breakers = self.shared.breakers.borrow_mut();
            breakers.report(now(), attempt, outcome, random());
            count(connection, &UpstreamCounts::ended(breakers.state(&url), outcome));
        }
        opened.map_err(|(refusal, detail)| {
            let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
            log::warn("upstream", Some(&config.prefix), format!("{}{detail}", refusal.reason()));
            refusal
        })
    }

    fn link(&self, connection: &Connection) -> Option<Rc<Link>> {
        self.links.borrow().get(connection.id()).cloned()
    }
}

/// Counts what happened to the connection to the upstream, if anything is counted.
pub(super) fn count(connection: &Connection, upstream: &UpstreamCounts) {
    if let Some(counters) = &connection.entry.counters {
        counters.upstream(upstream);
        // No event of the session may follow, and the object has to plan its report.
        if let Some(host) = connection.host.upgrade() {
            host.touch(&connection.entry);
        }
    }
}

/// Ends a connection whose upstream was lost, such as by a restart of the object.
pub(super) fn end_lost(connection: &Connection) {
    let Close { code, reason } = UpstreamEnd::Lost.to_client();
    connection.end(code, &reason);
}

/// A random number, for pauses.
pub(super) fn random() -> u32 {
    // Below 2^32.
    (Math::random() * f64::from(u32::MAX)) as u32
}

/// Returns the close for the upstream of a connection that ended.
pub(super) fn close_of(reason: CloseReason) -> Close {
    let ended = |code, reason| ClientEnd::Ended { code, reason }.to_upstream();
    match reason {
        CloseReason::Client { code, reason } => ClientEnd::Closed { code, reason: &reason }.to_upstream(),
        CloseReason::Application { code, reason } | CloseReason::Violation { code, reason } => {
            Close { code, reason }.of_websocket()
        }
        CloseReason::TooSlow | CloseReason::Stalled => ended(CloseCode::TryAgainLater, "Client is too slow"),
        CloseReason::HandlerFailed => ended(CloseCode::InternalError, "the server failed"),
        // The client is gone.
        _ => ClientEnd::Lost.to_upstream(),
    }
}

impl ErasedHandler for Gateway {
    /// After a restart of the object, sessions have no upstream any more.
    fn on_start(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        let is_left = |connection: &Connection| connection.entry.upstream_headers.borrow().is_none();
        room.connections().filter(is_left).for_each(|connection| end_lost(&connection));
        Box::pin(ready(Ok(())))
    }

    fn on_open(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move {
            self.open(connection).await;
            Ok(())
        })
    }

    fn on_message(self: Rc<Self>, connection: Connection, message: String) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move {
            if let Some(link) = self.link(&connection) {
                link.send(&message).await;
            }
            Ok(())
        })
    }

    fn on_close(self: Rc<Self>, connection: Connection, reason: CloseReason) -> LocalBoxFuture<'static, Result<()>> {
        let link = self.links.borrow_mut().remove(connection.id());
        if let Some(link) = link {
            link.leave(&close_of(reason));
        }
        Box::pin(ready(Ok(())))
    }

    fn on_return(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>> {
        end_lost(&connection);
        Box::pin(ready(Ok(())))
    }

    fn on_returned(self: Rc<Self>, _: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn on_alarm(self: Rc<Self>, _: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn on_call(self: Rc<Self>, _: Room, _: String) -> LocalBoxFuture<'static, std::result::Result<String, CallError>> {
        Box::pin(ready(Err(CallError::rejected("this service answers no calls"))))
    }
}
