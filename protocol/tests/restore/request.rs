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
    /// True if the object knows that it is not.
    pub noticed: bool,
    /// The last number that it wrote; `acked` is true if it ever reported the number.
    pub written: Option<Seq>,
    pub acked: bool,
    /// True if the object gave it its last frame; `ended` is true if the client has that frame.
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
