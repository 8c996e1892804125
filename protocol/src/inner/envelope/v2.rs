//! Version 2 of the inner protocol, for the time in which the other half is still of the previous build. The next version removes
//! this file, and [`Version::V2`] with it.
//!
//! Everything else is as in version 3. Version 2 lacks:
//!
//! | in version 3 | with a half of version 2 |
//! |---|---|
//! | the Worker repeats a send whose messages still wait ([`LATER`](super::LATER)) | the object answers once: 204 if the messages are in the inbox, otherwise 503, and it closes the session |
//! | [`Action::Refuse`] closes the session of a send that the Worker refuses | the client sees only the refusal |
//! | [`ToEdge::Ask`] after hibernation, and its answer | the object assumes that nothing is in flight |
//! | a response that has ended gives back what was not written ([`MISSING`](super::MISSING), [`Action::Wrote`] with a body) | an object that did not hibernate still has it; one that did has only what is stored in rows |
//! | a refused receiver gets a message with the reason ([`ToEdge::Refusal`]) | the Worker derives the reason from the text of the close frame |
//! | the Worker may write the heartbeats of a response | the object writes them |
//! | pushes have numbers, so that a repetition is recognized; they count and list connections, ask the application, and reach groups | a push is a message or a close for a room or a connection, and is not repeated |
//! | the command of a send contains the number of its messages | the object knows the number, and the place of the send in the order, only once it has read the body |

use super::{Action, Command, EnvelopeError, FrameRefusal, Push, PushTarget, ToEdge, Version};
use crate::inner::json::Reader;
use crate::sockjs::frame::Frame;
use crate::sockjs::payload::Messages;
use serde::Serialize;

/// The JSON form of a send in version 2.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Send<'a> {
    Send {
        session: &'a str,
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<Vec<String>>,
    },
}

/// True if version 2 has this action.
pub(super) fn has(action: &Action) -> bool {
    match action {
        Action::Refuse { .. } | Action::Hold { .. } | Action::Wrote { seq: None, .. } => false,
        Action::Push { target, push, .. } => {
            let has_target = matches!(target, PushTarget::Room | PushTarget::Connection(_));
            has_target && matches!(push, Push::Message | Push::Close { .. })
        }
        Action::Attach { .. }
        | Action::Send { .. }
        | Action::Wrote { .. }
        | Action::Report
        | Action::Metrics
        | Action::Connect { .. } => true,
    }
}

/// True if version 2 has this action and writes it as version 3 does.
pub(super) fn is_alike(action: &Action) -> bool {
    has(action) && !matches!(action, Action::Send { .. } | Action::Wrote { bytes: 1.., .. })
}

/// Writes a command. Its action must be one that version 2 has: see [`has`].
pub(super) fn encode(command: &Command) -> serde_json::Result<String> {
    match &command.action {
        Action::Send { session, id, count, messages, .. } => {
            let messages = messages.as_ref().map(|json| Messages::trusted(json.clone(), *count).collect());
            command.json(Version::V2, &Send::Send { session, id: *id, messages })
        }
        Action::Wrote { session, receiver, seq, .. } => {
            let (session, receiver, seq) = (session.clone(), *receiver, *seq);
            command.json(Version::V2, &Action::Wrote { session, receiver, seq, bytes: 0 })
        }
        Action::Attach { session, transport, receiver, after, again, .. } => {
            let (session, transport, receiver) = (session.clone(), *transport, *receiver);
            let (after, again) = (*after, *again);
            command.json(Version::V2, &Action::Attach { session, transport, receiver, after, again, beats: false })
        }
        Action::Push { target, push, .. } => {
            let (target, push) = (target.clone(), push.clone());
            command.json(Version::V2, &Action::Push { target, push, number: None })
        }
        action => command.json(Version::V2, action),
    }
}

/// Reads a send. Its `count` and `bytes` are 0 if the messages are in the body: see [`decode_batch`].
pub(super) fn read_send(reader: &mut Reader<'_>) -> Option<Action> {
    let (mut session, mut id, mut messages) = (None, None, None);
    reader.kind(&mut |kind, reader| {
        if kind != "send" {
            return None;
        }
        reader.object(&mut |name, reader| {
            match name {
                "session" => session = Some(reader.text()?),
                "id" => id = Some(reader.number()?),
                "messages" => {
                    let mut texts = Vec::new();
                    reader.array(&mut |reader| {
                        texts.push(reader.text()?);
                        Some(())
                    })?;
                    messages = Some(texts);
                }
                _ => reader.skip()?,
            }
            Some(())
        })
    })?;
    let count = messages.as_ref().map_or(0, Vec::len);
    let messages = messages.map(|messages| json(&messages));
    Some(Action::Send { session: session?, id: id?, count, bytes: 0, messages })
}

/// Writes the body of a send: the number of the version, then each message in UTF-8 after its length as u32 LE.
pub fn encode_batch(messages: Messages) -> Vec<u8> {
    let mut batch = vec![Version::V2.number()];
    for message in messages {
        // A message is bounded by the body limit, far below 4 GiB.
        batch.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
        batch.extend(message.as_bytes());
    }
    batch
}

/// Reads a body that [`encode_batch`] wrote.
///
/// # Errors
///
/// Returns an error if the body is anything else.
pub fn decode_batch(bytes: &[u8]) -> Result<Messages, EnvelopeError> {
    let (version, mut rest) = bytes.split_first().ok_or(EnvelopeError::Malformed)?;
    if *version != Version::V2.number() {
        return Err(EnvelopeError::Version(*version));
    }
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(EnvelopeError::Malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| EnvelopeError::Malformed)?;
        let (message, tail) = tail.split_at_checked(length).ok_or(EnvelopeError::Malformed)?;
        messages.push(std::str::from_utf8(message).map_err(|_| EnvelopeError::Malformed)?);
        rest = tail;
    }
    Ok(Messages::trusted(json(&messages), messages.len()))
}

/// Returns a refusal in the form of version 2: a close frame that ends the response.
pub(crate) fn refusal(frame: &str) -> ToEdge {
    ToEdge::Frame { seq: None, end: true, frame: frame.to_owned() }
}

/// Derives the reason of a refusal from the text of a close frame. Applications cannot close with these codes. The code
/// 1013 also closes sessions that were open, so the reason is compared, too.
pub(crate) fn with_refusal(message: ToEdge) -> ToEdge {
    let ToEdge::Frame { seq: None, end: true, frame } = message else { return message };
    let is_full = || frame.starts_with("c[1013,") && frame == Frame::too_many_connections().encode();
    let reason = match &frame {
        frame if frame.starts_with("c[2010,") => FrameRefusal::Contended,
        _ if is_full() => FrameRefusal::Full,
        _ => return refusal(&frame),
    };
    ToEdge::Refusal { reason, frame }
}

/// Returns messages as the JSON array of version 3.
fn json<T: AsRef<str> + Serialize>(messages: &[T]) -> String {
    // Serializing strings does not fail.
    serde_json::to_string(messages).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner::envelope::{Pass, Push, PushTarget, ToEdge, ToObject, finished_reason, read_finished_reason};
    use crate::inner::header::{decode_frame, encode_frame};
    use crate::sockjs::session::{ReceiverId, Seq};
    use crate::sockjs::transport::Transport;

    fn attach(after: Option<Seq>, again: bool) -> Action {
        let (session, transport, receiver) = ("s".into(), Transport::XhrPolling, ReceiverId(7));
        Action::Attach { session, transport, receiver, after, again, beats: false }
    }

    fn send(messages: &[&str]) -> Action {
        let (count, messages) = (messages.len(), Some(serde_json::to_string(messages).unwrap()));
        Action::Send { session: "s".into(), id: 3, count, bytes: 0, messages }
    }

    /// The bytes are those that a build of version 2 writes.
    #[test]
    fn commands_keep_their_written_form() {
        let golden = [
            (
                attach(None, false),
                r#"{"version":2,"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7}}}"#,
            ),
            (
                attach(Some(Seq(9)), true),
                r#"{"version":2,"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7,"after":9,"again":true}}}"#,
            ),
            (
                Action::Send { session: "s".into(), id: 3, count: 0, bytes: 0, messages: None },
                r#"{"version":2,"service":"/echo","action":{"send":{"session":"s","id":3}}}"#,
            ),
            (
                send(&["é\n", "\""]),
                r#"{"version":2,"service":"/echo","action":{"send":{"session":"s","id":3,"messages":["\u00e9\n","\""]}}}"#,
            ),
            (send(&[]), r#"{"version":2,"service":"/echo","action":{"send":{"session":"s","id":3,"messages":[]}}}"#),
            (
                Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: Some(Seq(9)), bytes: 0 },
                r#"{"version":2,"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"seq":9}}}"#,
            ),
            (
                Action::Push { target: PushTarget::Room, push: Push::Message, number: None },
                r#"{"version":2,"service":"/echo","action":{"push":{"target":"room","push":"message"}}}"#,
            ),
            (
                Action::Push {
                    target: PushTarget::Connection("c".into()),
                    push: Push::Close { code: 3000, reason: "over".into() },
                    number: None,
                },
                r#"{"version":2,"service":"/echo","action":{"push":{"target":{"connection":"c"},"push":{"close":{"code":3000,"reason":"over"}}}}}"#,
            ),
            (
                Action::Connect { session: Some("s".into()), transport: Transport::WebSocket },
                r#"{"version":2,"service":"/echo","action":{"connect":{"session":"s","transport":"websocket"}}}"#,
            ),
            (
                Action::Connect { session: None, transport: Transport::WebSocketRaw },
                r#"{"version":2,"service":"/echo","action":{"connect":{"transport":"websocket-raw"}}}"#,
            ),
            (Action::Report, r#"{"version":2,"service":"/echo","action":"report"}"#),
            (Action::Metrics, r#"{"version":2,"service":"/echo","action":"metrics"}"#),
        ];
        for (action, written) in golden {
            let command = Command::new("/echo", action);
            assert_eq!(command.encode(Version::V2).unwrap().as_deref(), Some(written));
            let read = Command::decode(written).unwrap();
            assert_eq!((read.version, read.answer), (Version::V2, Version::V2));
            assert_eq!(read.action, command.action);
        }
    }

    #[test]
    fn what_only_version_3_writes_is_refused() {
        for action in [
            r#"{"send":{"session":"s","id":3,"count":1,"messages":"[\"a\"]"}}"#,
            r#"{"refuse":{"session":"s","code":1009,"reason":""}}"#,
            r#"{"wrote":{"session":"s","receiver":7}}"#,
            r#"{"wrote":{"session":"s","receiver":7,"seq":9,"bytes":5}}"#,
        ] {
            let command = |version| format!(r#"{{"version":{version},"service":"/echo","action":{action}}}"#);
            assert_eq!(Command::decode(&command(2)), Err(EnvelopeError::Malformed), "{action}");
            assert!(Command::decode(&command(3)).is_ok(), "{action}");
        }
    }

    #[test]
    fn a_send_has_its_pass() {
        let pass = Pass { ticket: Some("t".into()), is_late: true, claims: None };
        let command = Command::new("/echo", send(&["a"])).with_pass(Some(pass.clone()));
        let read = Command::decode(&command.encode(Version::V2).unwrap().unwrap()).unwrap();
        assert_eq!((read.service.as_str(), read.pass), ("/echo", Some(pass)));
    }

    #[test]
    fn what_version_2_does_not_have_is_not_written() {
        let nothing_written = Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: None, bytes: 9 };
        let refuse = Action::Refuse { session: "s".into(), code: 1009, reason: "too large".into() };
        for action in [nothing_written, refuse] {
            assert_eq!(Command::new("/echo", action).encode(Version::V2), Ok(None));
        }
        // The body with the unwritten frames is not sent.
        let wrote = Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: Some(Seq(9)), bytes: 5 };
        let written = r#"{"version":2,"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"seq":9}}}"#;
        assert_eq!(Command::new("/echo", wrote).encode(Version::V2).unwrap().as_deref(), Some(written));
    }

    #[test]
    fn messages_keep_their_bytes() {
        let frame = ToEdge::Frame { seq: Some(Seq(258)), end: true, frame: "a[\"é\"]".into() };
        let heartbeat = ToEdge::Frame { seq: None, end: false, frame: "h".into() };
        assert_eq!(frame.encode(Version::V2), b"\x02f\x01\x02\x01\0\0\0\0\0\0a[\"\xc3\xa9\"]");
        assert_eq!(heartbeat.encode(Version::V2), b"\x02u\0h");
        assert_eq!(ToEdge::Probe.encode(Version::V2), b"\x02p");
        assert_eq!(ToObject::Ack(Seq(1)).encode(Version::V2), b"\x02a\x01\0\0\0\0\0\0\0");
        assert_eq!(ToObject::Gone.encode(Version::V2), b"\x02g");
        for message in [&frame, &heartbeat, &ToEdge::Probe] {
            assert_eq!(ToEdge::decode(&message.encode(Version::V2)).as_ref(), Ok(message));
        }
        for message in [ToObject::Ack(Seq(u64::MAX)), ToObject::Gone] {
            assert_eq!(ToObject::decode(&message.encode(Version::V2)), Ok(message));
        }
        assert_eq!(encode_frame(&heartbeat, Version::V2).as_deref(), Some("2 0 - h"));
        assert_eq!(decode_frame("2 0 - h"), Ok(heartbeat));
    }

    #[test]
    fn the_reason_of_a_refusal_is_derived_from_its_close_frame() {
        let close = |code, reason: &str| Frame::Close { code, reason: reason.into() };
        for (frame, reason) in [
            (Frame::another_connection(), Some(FrameRefusal::Contended)),
            (Frame::too_many_connections(), Some(FrameRefusal::Full)),
            (close(1013, "Too slow"), None),
            (close(3000, "Go away!"), None),
        ] {
            let frame = frame.encode();
            let message = match reason {
                Some(reason) => ToEdge::Refusal { reason, frame: frame.clone() },
                None => ToEdge::Frame { seq: None, end: true, frame: frame.clone() },
            };
            let bytes = [b"\x02u\x01", frame.as_bytes()].concat();
            assert_eq!((message.encode(Version::V2), ToEdge::decode(&bytes)), (bytes, Ok(message.clone())));
            let header = format!("2 1 - {frame}");
            assert_eq!(encode_frame(&message, Version::V2).as_deref(), Some(&*header));
            assert_eq!(decode_frame(&header), Ok(message));
        }
        // A stream continues after a message with this text.
        let text = ToEdge::Frame { seq: None, end: false, frame: Frame::another_connection().encode() };
        assert_eq!(ToEdge::decode(&text.encode(Version::V2)), Ok(text));
    }

    /// A half of version 2 cannot parse a reason with two numbers, and would have everything written again.
    #[test]
    fn the_end_of_a_response_tells_what_was_written() {
        let (written, held) = (Some(Seq(258)), Some(Seq(300)));
        assert_eq!(finished_reason(Version::V2, written, held), "258");
        assert_eq!(finished_reason(Version::V2, None, held), "");
        assert_eq!(read_finished_reason("258"), (written, None));
    }

    #[test]
    fn a_batch_keeps_its_bytes_and_is_refused_at_every_cut() {
        assert_eq!(encode_batch(Messages::trusted(r#"["a",""]"#.into(), 2)), b"\x02\x01\0\0\0a\0\0\0\0");
        let batch = encode_batch(Messages::trusted(r#"["one","zwei \u20ac\""]"#.into(), 2));
        let messages = decode_batch(&batch).unwrap();
        assert_eq!((messages.len(), messages.as_str()), (2, r#"["one","zwei €\""]"#));
        assert_eq!(messages.collect::<Vec<_>>(), ["one", "zwei €\""]);
        let boundaries = [1, 1 + 4 + 3];
        for cut in (0..batch.len()).filter(|cut| !boundaries.contains(cut)) {
            assert!(decode_batch(&batch[..cut]).is_err(), "cut at {cut}");
        }
        assert_eq!(decode_batch(b"\x07").unwrap_err(), EnvelopeError::Version(7));
    }
}
