//! A client's own WebSocket: what waits in it, and what the object knows of that.

use sockjs_protocol::sockjs::frame::{Frame, Message};
use std::collections::VecDeque;

/// Cost of a message on the socket besides its bytes, as `durable` counts it.
const MESSAGE_COST: usize = 512;

#[derive(Debug, Default)]
pub struct Socket {
    /// Frames that the client did not read, with the bytes of each that are left.
    pub frames: VecDeque<(Frame, usize)>,
    pub is_over: bool,
    /// The estimate of what waits: see `Outgoing` of `durable`.
    bytes: usize,
    messages: usize,
}

impl Socket {
    pub fn buffered(&self) -> usize {
        self.frames.iter().map(|(_, left)| left).sum()
    }

    /// Bytes that were read of a frame of which the rest was not.
    pub fn read_in_part(&self) -> usize {
        self.frames.front().map_or(0, |(frame, left)| bytes_of(frame) - left)
    }

    pub fn send(&mut self, frame: Frame) {
        if let Frame::Messages(messages) = &frame {
            self.messages += 1;
            self.bytes += messages.iter().map(Message::quoted_len).sum::<usize>();
        }
        let bytes = bytes_of(&frame);
        self.frames.push_back((frame, bytes));
    }

    pub fn correct(&mut self) {
        let waiting = self.buffered();
        let sent = std::mem::replace(&mut self.bytes, waiting);
        self.messages = self.messages.min((self.messages * waiting).div_ceil(sent.max(1)));
    }

    pub fn cost(&self) -> usize {
        self.bytes + self.messages * MESSAGE_COST
    }

    /// The client reads so many bytes: the frames that are complete now.
    pub fn read(&mut self, mut bytes: usize) -> Vec<Frame> {
        let mut complete = Vec::new();
        while let Some((_, left)) = self.frames.front_mut() {
            let part = bytes.min(*left);
            *left -= part;
            bytes -= part;
            if *left > 0 {
                break;
            }
            complete.extend(self.frames.pop_front().map(|(frame, _)| frame));
        }
        complete
    }
}

/// Bytes of `frame`, in whose messages nothing has to be escaped.
pub fn bytes_of(frame: &Frame) -> usize {
    match frame {
        Frame::Messages(messages) => messages.iter().map(|message| message.len() + 3).sum::<usize>() + 2,
        _ => frame.encode().len(),
    }
}
