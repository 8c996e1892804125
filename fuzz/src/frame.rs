//! Frames from a client's point of view: each can be decoded with the means of stock clients, on every transport.

use sockjs_protocol::sockjs::frame::{Frame, Message, quote};
use sockjs_protocol::sockjs::payload::text;
use sockjs_protocol::sockjs::transport::{RECEIVES, Receive, Wrapping};

/// Checks `data`, which is text: messages separated by `|`. The whole text is also the reason of a close
/// frame.
pub fn check(data: &[u8]) {
    let text = text(data.to_vec());
    let messages: Vec<&str> = text.split('|').collect();
    let code = data.iter().fold(0, |code: u16, byte| code.wrapping_mul(31).wrapping_add((*byte).into()));

    quoted(&text);
    let encoded = messages.iter().map(|message| Message::new(message)).collect();
    for frame in [
        Frame::Open,
        Frame::Heartbeat,
        Frame::Messages(Vec::new()),
        Frame::Messages(encoded),
        Frame::Close { code, reason: text.clone() },
    ] {
        let sent = frame.encode();
        assert_eq!(decode(&sent), frame);
        for row in RECEIVES {
            assert_eq!(unwrap(row, &row.wrap("cb", &sent)), sent, "{}", row.segment);
        }
    }
}

/// Checks that the string has no character that browsers lose, and no unnecessary escape.
fn quoted(text: &str) {
    let quoted = quote(text);
    assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    let lost = |char: char| matches!(u32::from(char), 0..=0x1f | 0x200c..=0x200f | 0x2028..=0x202f | 0x2060..=0x206f | 0xfff0..);
    assert!(!quoted.contains(lost), "{quoted:?}");
    if !text.contains(|char| lost(char) || "\"\\".contains(char)) {
        assert_eq!(quoted, format!("\"{text}\""));
    }
}

/// Reads a frame like a client: its first character, then JSON.
fn decode(sent: &str) -> Frame {
    let (kind, json) = sent.split_at(1);
    match kind {
        "o" if json.is_empty() => Frame::Open,
        "h" if json.is_empty() => Frame::Heartbeat,
        "a" => {
            let messages: Vec<String> = serde_json::from_str(json).unwrap();
            Frame::Messages(messages.iter().map(|message| Message::new(message)).collect())
        }
        "c" => {
            let (code, reason) = serde_json::from_str(json).unwrap();
            Frame::Close { code, reason }
        }
        _ => panic!("no frame: {sent:?}"),
    }
}

/// Returns the frame in a chunk of a transport, as its client extracts it.
fn unwrap(row: &Receive, chunk: &str) -> String {
    let between = |before, after| chunk.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap();
    match row.wrapping {
        Wrapping::Line => {
            let line = between("", "\n");
            assert!(!line.contains('\n'));
            line.to_owned()
        }
        Wrapping::Event => {
            let event = between("data: ", "\r\n\r\n");
            assert!(!event.contains(['\r', '\n', '\0']));
            let decoded = event.replace("%0D", "\r").replace("%0A", "\n").replace("%00", "\0");
            decoded.replace("%25", "%")
        }
        Wrapping::Script => script(between("<script>\np(", ");\n</script>\r\n")),
        Wrapping::Call => script(between("/**/cb(", ");\r\n")),
    }
}

/// Returns the value of a JavaScript string, which must not end the script around it.
fn script(literal: &str) -> String {
    assert!(!literal.contains(['<', '\n', '\r', '\u{2028}', '\u{2029}']), "{literal:?}");
    serde_json::from_str(literal).unwrap()
}
