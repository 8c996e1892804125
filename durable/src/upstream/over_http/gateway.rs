//! The handler of a service with an upstream over HTTP.

use crate::application::connection::Connection;
use crate::application::handler::{CallError, ErasedHandler};
use crate::application::room::Room;
use crate::js::clock::now;
use crate::peers::turns::Turns;
use crate::upstream::gateway::{close_of, end_lost};
use crate::upstream::over_http::keep_alive::{plan, state_of};
use crate::upstream::over_http::link::Link;
use crate::upstream::over_http::shared::{IN_FLIGHT, Shared};
use futures::future::LocalBoxFuture;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::upstream::breakers::Breakers;
use sockjs_protocol::upstream::over_http::queue::ClientEvent;
use sockjs_protocol::upstream::over_http::state::LinkState;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::ready;
use std::rc::Rc;
use worker::durable::State;
use worker::{Env, Result};

/// The connections of one service of an object to its upstream.
pub(crate) struct HttpGateway {
    shared: Rc<Shared>,
    /// By the ids of the connections. After a sleep they are made anew, when they are needed.
    links: RefCell<HashMap<String, Rc<Link>>>,
}

impl HttpGateway {
    /// `key` signs requests, and `claims_secret` signs claims. Either may be empty.
    pub fn new(config: Rc<Config>, env: Env, state: State, key: String, claims_secret: String) -> Self {
        let breakers = RefCell::new(Breakers::new(config.upstream_timeout));
        let shared = Shared {
            config,
            env,
            state,
            key,
            claims_secret,
            breakers,
            waiting: Cell::new(0),
            answered: Cell::new(0),
            requests: Turns::new(IN_FLIGHT),
            alarm: Cell::new(None),
        };
        Self { shared: Rc::new(shared), links: RefCell::default() }
    }

    async fn open(&self, connection: Connection) {
        let Some(headers) = connection.entry.upstream_headers.take() else { return end_lost(&connection) };
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let link = Link::new(self.shared.clone(), connection.clone(), LinkState::new(headers), false);
        self.links.borrow_mut().insert(connection.id().to_owned(), link.clone());
        link.open().await;
    }

    /// Returns the link of a connection that was opened. `None` if the upstream did not accept it.
    fn link(&self, connection: &Connection) -> Option<Rc<Link>> {
        let known = self.links.borrow().get(connection.id()).cloned();
        known.or_else(|| {
            let state = state_of(connection)?;
            let link = Link::new(self.shared.clone(), connection.clone(), state, true);
            self.links.borrow_mut().insert(connection.id().to_owned(), link.clone());
            Some(link)
        })
    }
}

/// Returns the event for the upstream of a connection that ended.
fn event_of(reason: CloseReason) -> ClientEvent {
    match reason {
        CloseReason::Client { .. }
        | CloseReason::Application { .. }
        | CloseReason::Violation { .. }
        | CloseReason::TooSlow
        | CloseReason::Stalled
        | CloseReason::HandlerFailed => {
            let close = close_of(reason);
            match close.code {
                1011 if close.reason == sockjs_protocol::upstream::close::CLIENT_LOST => ClientEvent::Disconnect,
                code => ClientEvent::Close { code, reason: close.reason },
            }
        }
        _ => ClientEvent::Disconnect,
    }
}

impl ErasedHandler for HttpGateway {
    /// Ends connections whose opening was interrupted by a restart: nobody knows whether the upstream accepted them.
    fn on_start(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        let is_left = |connection: &Connection| {
            connection.entry.upstream_headers.borrow().is_none()
                && !connection.entry.returns.get()
                && state_of(connection).is_none()
                && !self.links.borrow().contains_key(connection.id())
        };
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
                link.send(message).await;
            }
            Ok(())
        })
    }

    fn on_close(self: Rc<Self>, connection: Connection, reason: CloseReason) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move {
            if let Some(link) = self.link(&connection).filter(|link| link.is_known_to_upstream()) {
                link.leave(event_of(reason)).await;
            }
            self.links.borrow_mut().remove(connection.id());
            Ok(())
        })
    }

    fn on_return(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>> {
        if self.link(&connection).is_none() {
            end_lost(&connection);
        }
        Box::pin(ready(Ok(())))
    }

    fn on_returned(self: Rc<Self>, _: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(ready(Ok(())))
    }

    fn on_alarm(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        let now = now();
        let is_due = |connection: &Connection| state_of(connection).is_some_and(|state| state.is_due(now));
        let due = room.connections().filter(is_due).filter_map(|connection| self.link(&connection));
        due.for_each(|link| link.beat(now));
        plan(&self.shared, &room);
        Box::pin(ready(Ok(())))
    }

    fn on_call(self: Rc<Self>, _: Room, _: String) -> LocalBoxFuture<'static, std::result::Result<String, CallError>> {
        Box::pin(ready(Err(CallError::rejected("this service answers no calls"))))
    }
}
