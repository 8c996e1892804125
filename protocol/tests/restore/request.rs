//! A receive request as the edge knows it.

use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{Receiver, Seq};
use sockjs_protocol::time::Millis;
use std::collections::VecDeque;

/// A receive request at the edge.
pub struct Request {
    pub receiver: Receiver,
    pub since: Millis,
    /// Frames given to it and not yet written: number, frame, whether it is the last.
    pub transit: VecDeque<(Option<Seq>, Frame, bool)>,
    pub connected: bool,
    /// Whether the object knows that it is not.
    pub noticed: bool,
    /// How far it got, and whether it ever said so.
    pub written: Option<Seq>,
    pub acked: bool,
    /// Whether the object gave it its last frame, and whether the client has it.
    pub ending: bool,
    pub ended: bool,
}

impl Request {
    pub fn new(receiver: Receiver, since: Millis, written: Option<Seq>) -> Self {
        let (connected, noticed, ending, ended) = (true, false, false, false);
        let (transit, acked) = (VecDeque::new(), written.is_some());
        Self { receiver, since, transit, connected, noticed, written, acked, ending, ended }
    }
}
