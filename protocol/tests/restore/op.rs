//! Events of an honest client, its edge and its object.

/// The next event; it has no effect where it makes no sense.
#[derive(Debug, Clone)]
pub enum Op {
    /// The application sends a message of this many bytes, or a few more.
    Send(usize),
    /// The application closes the session.
    Close,
    /// The object's memory becomes short.
    Shortage,
    /// Time passes.
    Pass(u64, Alarm),
    /// The object's alarm beats those who are due soon.
    BeatEarly,
    /// The client asks for one frame, if its former request ended cleanly.
    Poll,
    /// The client asks for a stream, if its former request ended cleanly.
    Stream,
    /// The edge takes up to this many frames in transit and writes them to the client.
    Read(usize),
    /// The edge acknowledges what it wrote.
    Ack,
    /// The object hears that a response is complete.
    Finish,
    /// The edge ends a stream that is as long as it may be: the rest is for the next request.
    Limit,
    /// The same, while the inner socket is lost, which the object noticed or not.
    LimitLost { noticed: bool },
    /// The edge's word on the frames that it holds reaches the object.
    Answer,
    /// The edge gives back what it held and the object did not have.
    BringBack,
    /// The inner socket breaks, or an object that did not notice does now.
    Break { noticed: bool },
    /// The edge attaches again.
    Resume,
    /// The edge of a response that is complete, and whose inner socket was lost, tells what it wrote.
    Confirm,
    /// The object sleeps: memory lost, sockets and what is in transit stay.
    Hibernate,
    /// The object dies: memory and sockets lost.
    Restart,
}

/// Behaviour of the alarm while time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alarm {
    OnTime,
    Late,
    Never,
}
