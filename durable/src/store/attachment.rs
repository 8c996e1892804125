//! Attachments: the data of a socket that survives the eviction of the object.

use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use crate::store::kept::{KEPT_MAX, Kept};
use js_sys::{Array, Uint8Array};
use serde::{Serialize, Serializer};
use sockjs_protocol::inner::envelope::Version;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::sockjs::session::ReceiverId;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::ext::WebSocketExt;
use worker::{Error, Result, WebSocket};

/// Limit without the application's data. The runtime keeps 16 KiB with a socket, including headers of its own.
const ATTACHMENT_MAX: usize = 16_000 - KEPT_MAX;

/// The data of a socket, for an object that hibernates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attachment {
    /// A client's WebSocket.
    Client(ConnectionInfo),
    /// The same for a client that has to show a sign of life, and did.
    Heard(ConnectionInfo),
    /// A client's WebSocket that this side closed.
    Over,
    /// An inner socket.
    Receiver {
        service: String,
        session: String,
        transport: Transport,
        /// Version of the messages on it. The previous build, which wrote none, speaks version 2.
        #[serde(serialize_with = "number")]
        version: Version,
        receiver: ReceiverId,
        /// Time at which it was attached, last answered whether it is still there, or got its last frame.
        since: Millis,
        /// True if its response got its last frame.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ending: bool,
        /// True if the Worker writes the heartbeats.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
    },
    /// The inner socket of a client's WebSocket that the Worker holds.
    Held {
        info: ConnectionInfo,
        receiver: ReceiverId,
        /// Version of the messages on it.
        #[serde(serialize_with = "number")]
        version: Version,
        /// True if the client has to show a sign of life, and did.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        heard: bool,
        /// True if the Worker writes the heartbeats.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
        /// Time at which it was attached, or last answered.
        since: Millis,
    },
}

#[derive(Serialize)]
struct Versioned {
    version: u8,
    socket: Attachment,
}

/// Version of the attachments. The previous build reads the same version, and ignores unknown fields.
const VERSION: u8 = 1;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn number<S: Serializer>(version: &Version, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u8(version.number())
}

impl Attachment {
    /// Attaches this to `socket`, with the application's data. An error means that it is too large.
    pub fn write(&self, socket: &WebSocket, kept: &Kept) -> Result<()> {
        self.write_with(socket, kept, None)
    }

    /// Also attaches the time of the client's last sign of life. The previous build ignores it, and ignores groups.
    pub fn write_with(&self, socket: &WebSocket, kept: &Kept, word: Option<Millis>) -> Result<()> {
        let versioned = Versioned { version: VERSION, socket: self.clone() };
        let text = serde_json::to_string(&versioned)?;
        if text.len() > ATTACHMENT_MAX {
            return Err(Error::RustError(format!(
                "URL and headers take {} bytes with the WebSocket: expected at most {ATTACHMENT_MAX}",
                text.len()
            )));
        }
        // As bytes, since a single character beyond Latin-1 would double the size of a string.
        let text = Uint8Array::from(text.as_bytes());
        let bytes = |text: &Option<String>| {
            text.as_ref().map_or(JsValue::UNDEFINED, |text| Uint8Array::from(text.as_bytes()).into())
        };
        let (state, groups) = (bytes(&kept.state), bytes(&kept.groups));
        // JavaScript represents it exactly.
        let word = word.map_or(JsValue::UNDEFINED, |word| JsValue::from_f64(word.0 as f64));
        let attachment = if !groups.is_undefined() {
            Array::of4(&text, &state, &word, &groups).into()
        } else if !word.is_undefined() {
            Array::of3(&text, &state, &word).into()
        } else if !state.is_undefined() {
            Array::of2(&text, &state).into()
        } else {
            text.into()
        };
        Ok(socket.as_ref().serialize_attachment(attachment)?)
    }

    /// Reads the time of the last sign of life of the client of `socket`, if it is attached.
    pub fn word(socket: &WebSocket) -> Option<Millis> {
        let attached = socket.as_ref().deserialize_attachment().ok()?;
        Some(Millis(attached.dyn_ref::<Array>()?.get(2).as_f64()? as u64))
    }

    /// Reads the attachment of `socket` and the application's data. `None` if there is none of this version.
    pub fn read(socket: &WebSocket) -> Option<(Self, Kept)> {
        let attached = socket.as_ref().deserialize_attachment().ok()?;
        let bytes = |value: &JsValue| value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
        let (text, kept) = match attached.dyn_ref::<Array>() {
            Some(parts) => {
                let text = |at| bytes(&parts.get(at)).and_then(|text| String::from_utf8(text).ok());
                (bytes(&parts.get(0))?, Kept { state: text(1), groups: text(3) })
            }
            None => (bytes(&attached)?, Kept::default()),
        };
        Some((versioned(std::str::from_utf8(&text).ok()?)?, kept))
    }

    fn stored(reader: &mut Reader<'_>) -> Option<Self> {
        let mut attachment = None;
        reader.kind(&mut |kind, reader| {
            attachment = Some(match kind {
                "client" => Self::Client(ConnectionInfo::stored(reader)?),
                "heard" => Self::Heard(ConnectionInfo::stored(reader)?),
                "over" => Self::Over,
                "receiver" => Self::receiver(reader)?,
                "held" => Self::held(reader)?,
                _ => return None,
            });
            Some(())
        })?;
        attachment
    }

    fn held(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut info, mut receiver, mut version, mut since) = (None, None, None, None);
        let (mut heard, mut beats) = (false, false);
        reader.object(&mut |name, reader| {
            match name {
                "info" => info = Some(ConnectionInfo::stored(reader)?),
                "receiver" => receiver = Some(ReceiverId(reader.number()?)),
                "version" => version = Version::of(reader.number()?),
                "heard" => heard = reader.flag()?,
                "beats" => beats = reader.flag()?,
                "since" => since = Some(Millis(reader.number()?)),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self::Held { info: info?, receiver: receiver?, version: version?, heard, beats, since: since? })
    }

    fn receiver(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut service, mut session, mut transport, mut receiver) = (None, None, None, None);
        let (mut version, mut since, mut ending, mut beats) = (Version::V2, None, false, false);
        reader.object(&mut |name, reader| {
            match name {
                "service" => service = Some(reader.text()?),
                "session" => session = Some(reader.text()?),
                "transport" => transport = Some(Transport::named(&reader.text()?)?),
                // Of a later build whose Worker may send messages that are unknown here: it has to attach again.
                "version" => version = Version::of(reader.number()?)?,
                "receiver" => receiver = Some(ReceiverId(reader.number()?)),
                "since" => since = Some(Millis(reader.number()?)),
                "ending" => ending = reader.flag()?,
                "beats" => beats = reader.flag()?,
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self::Receiver {
            service: service?,
            session: session?,
            transport: transport?,
            version,
            receiver: receiver?,
            since: since?,
            ending,
            beats,
        })
    }
}

/// Reads an attachment, if it is of this version.
fn versioned(text: &str) -> Option<Attachment> {
    let (mut version, mut socket) = (None, None);
    let mut field = |name: &str, reader: &mut Reader<'_>| {
        match name {
            "version" => version = Some(reader.number()?),
            "socket" => socket = Some(Attachment::stored(reader)?),
            _ => reader.skip()?,
        }
        Some(())
    };
    Reader::whole(text, |reader| reader.object(&mut field))?;
    socket.filter(|_| version == Some(VERSION))
}

/// Marks a client's `socket` as over: the runtime may still list it after a hibernation.
pub(crate) fn over(socket: &WebSocket) {
    // An error means that the socket does not hibernate.
    let _ = Attachment::Over.write(socket, &Kept::default());
}

/// Marks the inner `socket` of a receiver as ending. It may still report how far it got.
pub(crate) fn ending(socket: &WebSocket) {
    change_receiver(socket, |ending| *ending = true);
}

/// Notes that the Worker at the other end of the inner `socket` answered, if it writes the heartbeats: after a hibernation there
/// is no other record of it.
pub(crate) fn seen(socket: &WebSocket) {
    change_receiver(socket, |_| {});
}

/// Changes the attachment of a receiver's inner `socket`, and sets its time to now.
fn change_receiver(socket: &WebSocket, change: impl FnOnce(&mut bool)) {
    let Some((mut attachment, kept)) = Attachment::read(socket) else { return };
    match &mut attachment {
        Attachment::Receiver { since, ending, .. } => {
            *since = now();
            change(ending);
        }
        Attachment::Held { since, .. } => *since = now(),
        Attachment::Client(_) | Attachment::Heard(_) | Attachment::Over => return,
    }
    // An error means that the socket does not hibernate.
    let _ = attachment.write(socket, &kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_keep_their_written_form() {
        let client = Attachment::Client(ConnectionInfo {
            id: "id".into(),
            service: "/echo".into(),
            session: Some("s".into()),
            transport: Transport::WebSocket,
            held: false,
            pathname: "/echo/0/s/websocket".into(),
            query: String::new(),
            remote_address: None,
            headers: vec![("host".into(), "example.com".into())],
            parameters: vec![],
            opened: Millis(5),
            ticket: None,
            claims: None,
        });
        let receiver = Attachment::Receiver {
            service: "/echo".into(),
            session: "s".into(),
            transport: Transport::XhrPolling,
            version: Version::V3,
            receiver: ReceiverId(7),
            since: Millis(9),
            ending: false,
            beats: false,
        };
        let beating = Attachment::Receiver {
            service: "/echo".into(),
            session: "s".into(),
            transport: Transport::XhrStreaming,
            version: Version::V3,
            receiver: ReceiverId(7),
            since: Millis(9),
            ending: false,
            beats: true,
        };
        for (attachment, written) in [
            (
                client,
                r#"{"version":1,"socket":{"client":{"id":"id","service":"/echo","session":"s","transport":"websocket","pathname":"/echo/0/s/websocket","headers":[["host","example.com"]],"opened":5}}}"#,
            ),
            (
                receiver,
                r#"{"version":1,"socket":{"receiver":{"service":"/echo","session":"s","transport":"xhr-polling","version":3,"receiver":7,"since":9}}}"#,
            ),
            (
                beating,
                r#"{"version":1,"socket":{"receiver":{"service":"/echo","session":"s","transport":"xhr-streaming","version":3,"receiver":7,"since":9,"beats":true}}}"#,
            ),
        ] {
            let versioned = Versioned { version: VERSION, socket: attachment.clone() };
            assert_eq!(serde_json::to_string(&versioned).unwrap(), written);
            assert_eq!(super::versioned(written), Some(attachment));
        }
    }

    #[test]
    fn an_inner_socket_of_the_build_before_is_of_version_2() {
        let read = |version: &str| {
            super::versioned(&format!(
                r#"{{"version":1,"socket":{{"receiver":{{"service":"/echo","session":"s","transport":"xhr-polling",{version}"receiver":7,"since":9,"ending":true}}}}}}"#
            ))
        };
        let receiver = |version| {
            let (service, session) = ("/echo".into(), "s".into());
            let (transport, receiver) = (Transport::XhrPolling, ReceiverId(7));
            let (since, ending, beats) = (Millis(9), true, false);
            Attachment::Receiver { service, session, transport, version, receiver, since, ending, beats }
        };
        assert_eq!(read(""), Some(receiver(Version::V2)));
        assert_eq!(
            read(r#""version":3,"new":[{}],"#),
            Some(receiver(Version::V3)),
            "fields that are not known are passed over"
        );
        assert_eq!(read(r#""version":9,"#), None, "its Worker attaches again");
    }
}
