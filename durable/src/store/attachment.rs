//! Sockets that outlive the object: what is attached to them, and how they are told apart.

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

/// The runtime keeps 16 KiB with a socket, headers of its own included; this much of it without what the application keeps.
const ATTACHMENT_MAX: usize = 16_000 - KEPT_MAX;

/// The data of a socket, for an object that hibernated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attachment {
    /// A client's WebSocket.
    Client(ConnectionInfo),
    /// The same, whose client has to say something and did.
    Heard(ConnectionInfo),
    /// A client's WebSocket that this side closed.
    Over,
    /// An inner socket.
    Receiver {
        service: String,
        session: String,
        transport: Transport,
        /// Version that is spoken on it; of the build before, which wrote none, version 2.
        #[serde(serialize_with = "number")]
        version: Version,
        receiver: ReceiverId,
        /// The moment at which it was attached, last answered whether it is still there, or was given its last frame.
        since: Millis,
        /// True if its response was given its last frame.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ending: bool,
        /// True if its Worker writes its heartbeats.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
    },
    /// The inner socket of a client's WebSocket that the Worker holds.
    Held {
        info: ConnectionInfo,
        receiver: ReceiverId,
        /// Version that is spoken on it.
        #[serde(serialize_with = "number")]
        version: Version,
        /// True if the client has to say something and did.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        heard: bool,
        /// True if its Worker writes its heartbeats.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
        /// The moment at which it was attached, or answered last.
        since: Millis,
    },
}

#[derive(Serialize)]
struct Versioned {
    version: u8,
    socket: Attachment,
}

/// Version of what is attached to sockets. The build before reads the same version, and passes over fields that it does not know.
const VERSION: u8 = 1;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn number<S: Serializer>(version: &Version, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u8(version.number())
}

impl Attachment {
    /// Attaches this to `socket`, with what the application keeps; an error says that it is too large.
    pub fn write(&self, socket: &WebSocket, kept: &Kept) -> Result<()> {
        self.write_with(socket, kept, None)
    }

    /// Attaches the moment of the client's last word, too. The build before passes over that, and over groups.
    pub fn write_with(&self, socket: &WebSocket, kept: &Kept, word: Option<Millis>) -> Result<()> {
        let versioned = Versioned { version: VERSION, socket: self.clone() };
        let text = serde_json::to_string(&versioned)?;
        if text.len() > ATTACHMENT_MAX {
            return Err(Error::RustError(format!("URL and headers take more than {ATTACHMENT_MAX} bytes")));
        }
        // Bytes, since one letter beyond Latin-1 would double a text.
        let text = Uint8Array::from(text.as_bytes());
        let bytes = |text: &Option<String>| {
            text.as_ref().map_or(JsValue::UNDEFINED, |text| Uint8Array::from(text.as_bytes()).into())
        };
        let (state, groups) = (bytes(&kept.state), bytes(&kept.groups));
        // As far as JavaScript counts.
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

    /// Reads the moment of the last word of the client of `socket`, if it is attached.
    pub fn word(socket: &WebSocket) -> Option<Millis> {
        let attached = socket.as_ref().deserialize_attachment().ok()?;
        Some(Millis(attached.dyn_ref::<Array>()?.get(2).as_f64()? as u64))
    }

    /// Reads what is attached to `socket`, and what the application keeps; none if nothing of this version is.
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
                // Of a later build whose Worker may say what is not understood here: it is to attach again.
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

/// Notes that nothing more goes out on a client's `socket`: the runtime may still list it after a sleep.
pub(crate) fn over(socket: &WebSocket) {
    // The error is that it is not one that outlives the object.
    let _ = Attachment::Over.write(socket, &Kept::default());
}

/// Notes that nothing more goes out on the inner `socket` of a receiver, which may still say how far it got.
pub(crate) fn ending(socket: &WebSocket) {
    change_receiver(socket, |ending| *ending = true);
}

/// Notes that the Worker at the other end of the inner `socket` answered, if it writes the heartbeats: after a sleep, nothing else
/// tells when it was last heard of.
pub(crate) fn seen(socket: &WebSocket) {
    change_receiver(socket, |_| {});
}

/// Changes what is attached to the inner `socket` of a receiver: it is of this moment now.
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
    // The error is that it is not one that outlives the object.
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
