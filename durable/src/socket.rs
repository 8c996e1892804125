//! Sockets that outlive the object: what is attached to them, and how they are told apart.

use crate::info::Info;
use crate::runtime::now;
use crate::state::STATE_MAX;
use js_sys::{Array, Uint8Array};
use serde::{Serialize, Serializer};
use sockjs_protocol::inner::envelope::Version;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::ReceiverId;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::ext::WebSocketExt;
use worker::{Error, Result, WebSocket};

/// The runtime keeps 16 KiB with a socket, headers of its own included; this much of it without a connection's state.
const ATTACHMENT_MAX: usize = 16_000 - STATE_MAX;

/// Close code of an inner socket that is of no use any more; what the Worker had from it is not acknowledged.
pub(crate) const REPLACED: u16 = CloseCode::Replaced.number();

/// What a socket says of itself after the object slept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attachment {
    /// A client's WebSocket.
    Client(Info),
    /// The same, whose client has to say something and did.
    Heard(Info),
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
        /// When it was attached, or given its last frame.
        since: Millis,
        /// Whether its response was given its last frame.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        ending: bool,
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
    /// Attaches this to `socket`, with the state of its connection; an error says that it is too large.
    pub fn write(&self, socket: &WebSocket, state: Option<&str>) -> Result<()> {
        let versioned = Versioned { version: VERSION, socket: self.clone() };
        let text = serde_json::to_string(&versioned)?;
        if text.len() > ATTACHMENT_MAX {
            return Err(Error::RustError(format!("URL and headers take more than {ATTACHMENT_MAX} bytes")));
        }
        // Bytes, since one letter beyond Latin-1 would double a text.
        let text = Uint8Array::from(text.as_bytes());
        let attachment = match state {
            Some(state) => Array::of2(&text, &Uint8Array::from(state.as_bytes())).into(),
            None => text.into(),
        };
        Ok(socket.as_ref().serialize_attachment(attachment)?)
    }

    /// Reads what is attached to `socket`, and the state of its connection; none if nothing of this version is.
    pub fn read(socket: &WebSocket) -> Option<(Self, Option<String>)> {
        let attached = socket.as_ref().deserialize_attachment().ok()?;
        let bytes = |value: &JsValue| value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec);
        let (text, state) = match attached.dyn_ref::<Array>() {
            Some(parts) => {
                (bytes(&parts.get(0))?, bytes(&parts.get(1)).and_then(|state| String::from_utf8(state).ok()))
            }
            None => (bytes(&attached)?, None),
        };
        Some((versioned(std::str::from_utf8(&text).ok()?)?, state))
    }

    fn stored(reader: &mut Reader<'_>) -> Option<Self> {
        let mut attachment = None;
        reader.kind(&mut |kind, reader| {
            attachment = Some(match kind {
                "client" => Self::Client(Info::stored(reader)?),
                "heard" => Self::Heard(Info::stored(reader)?),
                "over" => Self::Over,
                "receiver" => Self::receiver(reader)?,
                _ => return None,
            });
            Some(())
        })?;
        attachment
    }

    fn receiver(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut service, mut session, mut transport, mut receiver) = (None, None, None, None);
        let (mut version, mut since, mut ending) = (Version::V2, None, false);
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
        })
    }
}

/// What was attached, if it is of this version.
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

#[wasm_bindgen]
extern "C" {
    /// The runtime gives the same JavaScript object for a socket as long as the object is in memory, so a property on it
    /// tells sockets apart for the price of one call; an attachment is read only after a sleep.
    type Keyed;

    #[wasm_bindgen(method, getter, js_name = sockjsKey)]
    fn key(this: &Keyed) -> Option<f64>;

    #[wasm_bindgen(method, setter, js_name = sockjsKey)]
    fn set_key(this: &Keyed, key: f64);
}

/// The key given to `socket` while the object has been in memory.
pub(crate) fn key(socket: &WebSocket) -> Option<u64> {
    // Keys are whole numbers below 2^53.
    socket.as_ref().unchecked_ref::<Keyed>().key().map(|key| key as u64)
}

/// Gives `socket` its key.
pub(crate) fn set_key(socket: &WebSocket, key: u64) {
    socket.as_ref().unchecked_ref::<Keyed>().set_key(key as f64);
}

/// Notes that nothing more goes out on a client's `socket`: the runtime may still list it after a sleep.
pub(crate) fn over(socket: &WebSocket) {
    // The error is that it is not one that outlives the object.
    let _ = Attachment::Over.write(socket, None);
}

/// Notes that nothing more goes out on the inner `socket` of a receiver, which may still say how far it got.
pub(crate) fn ending(socket: &WebSocket) {
    if let Some((Attachment::Receiver { service, session, transport, version, receiver, .. }, _)) =
        Attachment::read(socket)
    {
        let ending =
            Attachment::Receiver { service, session, transport, version, receiver, since: now(), ending: true };
        let _ = ending.write(socket, None);
    }
}

/// Answers the close of the other side, with its code unless that is none that may be sent: the runtime throws at such a code,
/// and at a reason that is too long, and would leave the TCP connection open.
pub(crate) fn answer_close(socket: &WebSocket, code: u16, reason: &str) {
    let (code, reason) = close_answer(code, reason);
    close(socket, code, reason);
}

/// The close frame that answers one (RFC 6455, section 7.4).
fn close_answer(code: u16, reason: &str) -> (u16, &str) {
    match code {
        // The frame was empty.
        1005 => (1000, ""),
        1004 | 1006 | 1015 => (1002, ""),
        1000..=4999 if reason.len() <= CLOSE_REASON_MAX => (code, reason),
        _ => (1002, ""),
    }
}

/// Longest reason of a close, in bytes: the payload of a control frame, without the code.
const CLOSE_REASON_MAX: usize = 123;

/// Closes a socket that may be closed already. Codes that only the runtime may use are left out, as it demands.
pub(crate) fn close(socket: &WebSocket, code: u16, reason: &str) {
    // The error is that there is nothing left to close.
    let _ = match code {
        1004..=1006 | 1015 => socket.close::<&str>(None, None),
        code => socket.close(Some(code), Some(reason)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_answered_with_its_code_if_that_may_be_sent() {
        let long = "x".repeat(124);
        for (code, reason, answer) in [
            (1000, "bye", (1000, "bye")),
            (1001, "", (1001, "")),
            (3000, &long[..123], (3000, &long[..123])),
            (4999, "", (4999, "")),
            (1005, "", (1000, "")),
            (0, "", (1002, "")),
            (999, "", (1002, "")),
            (1004, "", (1002, "")),
            (1006, "", (1002, "")),
            (1015, "", (1002, "")),
            (5000, "", (1002, "")),
            (0xe803, "", (1002, "")),
            (65535, "", (1002, "")),
            (1000, &long, (1002, "")),
        ] {
            assert_eq!(close_answer(code, reason), answer, "{code}");
        }
    }

    #[test]
    fn attachments_keep_their_written_form() {
        let client = Attachment::Client(Info {
            id: "id".into(),
            service: "/echo".into(),
            session: Some("s".into()),
            transport: Transport::WebSocket,
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
            Attachment::Receiver { service, session, transport, version, receiver, since: Millis(9), ending: true }
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
