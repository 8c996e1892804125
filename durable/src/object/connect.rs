//! A client's WebSocket that the Worker forwards.

use crate::connection::links::{Delivery, Link};
use crate::connection::table::Role;
use crate::info::connection_info::{Client, ConnectionInfo};
use crate::js::clock::now;
use crate::js::response;
use crate::js::response::{JsResponse, problem};
use crate::object::Object;
use crate::object::outputs::{close_after, send};
use crate::observe::log;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use sockjs_protocol::inner::envelope::FULL;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{Receiver, Rules, Session};
use sockjs_protocol::sockjs::transport::Transport;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result, WebSocket, WebSocketPair};

/// Time for which a WebSocket stays open that `on_open` closed: some clients lose a close that is in the same packet as the head
/// of the 101.
const CLOSE_AFTER_OPEN: Duration = Duration::from_millis(5);

impl Object {
    /// Accepts a client's WebSocket as a hibernating one, unless `on_open` closed it. A hibernating socket that is closed in here
    /// would keep its TCP connection until the object hibernates (workerd 1.20261117).
    pub(super) async fn connect(
        self: Rc<Self>,
        client: Client<'_>,
        config: &Config,
        session: Option<String>,
        transport: Transport,
    ) -> Result<JsResponse> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        if self.is_full(config) {
            return problem("too many connections", FULL);
        }
        let info = ConnectionInfo::read(client, &config.prefix, session, transport);
        let opened = Session::open(now(), Rules::new(config, transport), Receiver::WEBSOCKET);
        let WebSocketPair { client: other, server } = WebSocketPair::new()?;
        let attachment = Attachment::Client(info.clone());
        if let Err(error) = attachment.write(&server, &Kept::default()) {
            return problem(error, 431);
        }
        let Some(entry) = self.entry(info, opened) else { return problem("no such service", 404) };
        self.keep_upstream_headers(client, config, &entry);
        self.table.borrow_mut().add_client(entry.clone());
        let id = Receiver::WEBSOCKET.id;
        entry.links.borrow_mut().set(id, Link::Opening(Vec::new()));
        self.touch_and_settle(&entry);
        let Some(Link::Opening(deliveries)) = entry.links.borrow_mut().take(id) else {
            return problem("closed while it was opened", 503);
        };
        let raw = transport == Transport::WebSocketRaw;
        if entry.session.borrow().is_closed() {
            server.accept()?;
        } else {
            self.answer_automatically(config, transport);
            let kept = entry.kept();
            let accepted = self.accept(&server).and_then(|()| match kept.is_empty() {
                true => Ok(()), // the attachment above is still right
                false => attachment.write(&server, &kept),
            });
            if let Err(error) = accepted {
                log::error("accept", Some(&config.prefix), error);
                entry.session.borrow_mut().disconnected(now(), CloseCode::Abnormal.number(), "");
                self.touch_and_settle(&entry);
                return problem("too many connections", 503);
            }
            self.table.borrow_mut().add_socket(&server, Role::Client(entry.clone()));
            entry.links.borrow_mut().set(id, Link::Client(server.clone()));
        }
        for delivery in &deliveries {
            entry.give(&delivery.frame);
            send(&server, raw, &delivery.frame);
        }
        if entry.session.borrow().is_closed() {
            self.run(Box::pin(close_later(server, raw, deliveries)), "close");
        }
        response::upgrade(&other)
    }
}

async fn close_later(websocket: WebSocket, raw: bool, deliveries: Vec<Delivery>) -> Result<()> {
    Delay::from(CLOSE_AFTER_OPEN).await;
    if let Some(last) = deliveries.last() {
        close_after(&websocket, raw, &last.frame);
    }
    Ok(())
}
