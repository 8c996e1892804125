//! A client's WebSocket that the Worker holds: opens its connection, and attaches it again after its inner WebSocket broke.
//!
//! The object treats such a connection like an HTTP session with one receiver. The Worker supplies the data that a restarted
//! instance lost.

use crate::connection::entry::Entry;
use crate::connection::links::{HolderSocket, Link};
use crate::connection::table::Role;
use crate::info::connection_info::{Client, ConnectionInfo};
use crate::js::clock::now;
use crate::js::response::{JsResponse, problem, upgrade_holder};
use crate::object::Object;
use crate::object::attachments::{Changed, tell_holder};
use crate::observe::log;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use sockjs_protocol::inner::envelope::{FULL, Returned, Version};
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::session::{Receiver, Rules, Session};
use sockjs_protocol::sockjs::transport::Transport;
use std::rc::Rc;
use worker::{Result, WebSocket, WebSocketPair};

/// A request to open the connection of a WebSocket that the Worker holds, or to attach it again.
pub(super) struct Hold {
    pub session: Option<String>,
    pub transport: Transport,
    pub version: Version,
    pub receiver: Receiver,
    pub returned: Option<Returned>,
}

impl Object {
    /// Opens the connection, or attaches it again, and responds with an inner WebSocket.
    pub(super) async fn hold(self: Rc<Self>, client: Client<'_>, config: &Config, hold: Hold) -> Result<JsResponse> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        self.answer_automatically(config, hold.transport);
        let Hold { session, transport, version, receiver, returned } = hold;
        let WebSocketPair { client: other, server } = WebSocketPair::new()?;
        let known = returned.as_ref().and_then(|returned| self.table.borrow().connection(&returned.connection));
        let (entry, is_new) = match known.filter(|entry| entry.info.held && entry.info.service == config.prefix) {
            Some(entry) => (entry, false),
            // With an outbox, a connection that continues has a row.
            None if returned.is_some() && config.durability == Durability::Outbox => return over(),
            None if returned.is_none() && self.is_full(config) => return problem("too many connections", FULL),
            None => {
                let mut info =
                    ConnectionInfo { held: true, ..ConnectionInfo::read(client, &config.prefix, session, transport) };
                let rules = Rules::held(config, transport);
                let session = match &returned {
                    None => Session::open(now(), rules, receiver),
                    Some(returned) => {
                        (info.id, info.opened) = (returned.connection.clone(), returned.opened);
                        let mut session = Session::restore_held(now(), rules, receiver, None);
                        if !returned.heard {
                            session.wake_silent(info.opened);
                        }
                        session
                    }
                };
                let Some(entry) = self.entry(info, session) else { return problem("no such service", 404) };
                if returned.is_none() {
                    self.keep_upstream_headers(client, config, &entry);
                }
                entry.returns.set(returned.is_some());
                (entry, true)
            }
        };
        if !entry.session.borrow().is_attached() && entry.session.borrow().is_closed() {
            return over();
        }
        // Before anything is reported: changes by the handler from now on, such as `set_state`, are sent to the Worker as usual.
        let brought =
            returned.as_ref().map(|returned| Kept { state: returned.state.clone(), groups: returned.groups.clone() });
        let brought = brought.unwrap_or_default();
        let known = entry.kept();
        // A restarted instance only knows what is in storage.
        let kept = match is_new {
            true => brought.clone(),
            false => Kept { state: known.state.or_else(|| brought.state.clone()), ..known },
        };
        if let Err(error) = held(&entry, receiver, version).write(&server, &kept) {
            return problem(error.to_string(), 431);
        }
        if is_new {
            entry.restore_kept(kept.clone());
        } else {
            entry.state.replace(kept.state.clone());
        }
        if let Err(error) = self.link_holder(&entry, receiver, server, &kept, &brought) {
            log::error("accept", Some(&config.prefix), error);
            return problem("too many connections", 503);
        }
        if is_new {
            self.table.borrow_mut().add_session(entry.clone());
        }
        let is_opened = returned.is_none();
        if let Some(returned) = returned {
            self.take_back(&entry, receiver, returned);
        }
        self.touch_and_settle(&entry);
        if is_opened && entry.session.borrow().is_closed() {
            return problem("the connection cannot be stored", 503);
        }
        let received = entry.pacing.borrow().received();
        upgrade_holder(&other, &format!("{} {} {received}", entry.info.id, entry.info.opened.0))
    }

    /// Restores the Worker's data of a connection that comes back.
    fn take_back(self: &Rc<Self>, entry: &Rc<Entry>, receiver: Receiver, returned: Returned) {
        let Returned { after, handled, closed, .. } = returned;
        entry.pacing.borrow_mut().start_numbers(handled);
        entry.told.knows(handled);
        entry.session.borrow_mut().resume(now(), receiver, after);
        if let Some((code, reason)) = closed {
            entry.returns.set(false);
            entry.session.borrow_mut().disconnected(now(), code, &reason);
        } else if entry.returns.take() {
            entry.pacing.borrow_mut().returned();
            self.has_returned(&entry.info.service);
        }
    }

    /// Links the connection to its inner WebSocket, and sends the Worker everything that is newer than its own data.
    fn link_holder(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        receiver: Receiver,
        server: WebSocket,
        kept: &Kept,
        brought: &Kept,
    ) -> Result<()> {
        self.accept(&server)?;
        let socket = HolderSocket(server);
        if kept.state != brought.state {
            tell_holder(&socket, kept, Changed::State)?;
        }
        if kept.groups != brought.groups {
            tell_holder(&socket, kept, Changed::Groups)?;
        }
        self.table.borrow_mut().add_socket(&socket.0, Role::Holder(entry.clone(), receiver.id));
        entry.links.borrow_mut().set(receiver.id, Link::Holder(socket));
        Ok(())
    }
}

/// Returns the response for a connection that is over.
fn over() -> Result<JsResponse> {
    problem("the connection is over", 404)
}

/// Returns the attachment for the inner WebSocket of a connection.
fn held(entry: &Entry, receiver: Receiver, version: Version) -> Attachment {
    let Receiver { id: receiver, beats, .. } = receiver;
    let heard = !entry.session.borrow().waits_for_first_message();
    Attachment::Held { info: entry.info.clone(), receiver, version, heard, beats, since: now() }
}
