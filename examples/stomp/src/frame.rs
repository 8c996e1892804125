//! Frames of STOMP 1.2, <https://stomp.github.io/stomp-specification-1.2.html>.

use std::fmt;

/// A command, headers, and a body that may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    pub command: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Frame {
    pub fn new(command: &str) -> Self {
        Self { command: command.into(), ..Self::default() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn with_body(self, body: impl Into<String>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        Self { body, ..self }.with("content-length", length)
    }

    /// Returns a header. If it is repeated, the first value counts.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the frames of a message; none for a heart-beat.
    pub fn parse_all(message: &str) -> Result<Vec<Self>, &'static str> {
        let mut frames = Vec::new();
        let mut rest = after_line_ends(message);
        while !rest.is_empty() {
            let (frame, more) = Self::parse(rest)?;
            frames.push(frame);
            rest = after_line_ends(more);
        }
        Ok(frames)
    }

    fn parse(text: &str) -> Result<(Self, &str), &'static str> {
        let (command, mut rest) = line(text)?;
        let mut frame = Self::new(command);
        loop {
            let (header, more) = line(rest)?;
            rest = more;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').ok_or("a header without a colon")?;
            let header =
                if frame.escapes() { (unescape(name)?, unescape(value)?) } else { (name.into(), value.into()) };
            frame.headers.push(header);
        }
        let end = match frame.header("content-length") {
            Some(length) => length.parse().map_err(|_| "a content-length that is no number")?,
            None => rest.find('\0').ok_or("a frame without its NULL")?,
        };
        let (body, more) = rest.split_at_checked(end).ok_or("a content-length that does not fit the body")?;
        frame.body = body.into();
        let more = more.strip_prefix('\0').ok_or("a frame without its NULL where it should end")?;
        Ok((frame, more))
    }

    /// True if header values are escaped. For compatibility with STOMP 1.0 these two frames have no escapes.
    fn escapes(&self) -> bool {
        !matches!(self.command.as_str(), "CONNECT" | "CONNECTED")
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.command)?;
        for (name, value) in &self.headers {
            if self.escapes() {
                writeln!(f, "{}:{}", escape(name), escape(value))?;
            } else {
                writeln!(f, "{name}:{value}")?;
            }
        }
        write!(f, "\n{}\0", self.body)
    }
}

/// Returns the next line, without its end, which is LF or CR LF.
fn line(text: &str) -> Result<(&str, &str), &'static str> {
    let (line, rest) = text.split_once('\n').ok_or("a frame that ends before its body")?;
    Ok((line.strip_suffix('\r').unwrap_or(line), rest))
}

fn after_line_ends(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n'])
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace(':', "\\c")
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next() {
                Some('\\') => '\\',
                Some('r') => '\r',
                Some('n') => '\n',
                Some('c') => ':',
                _ => return Err("an escape that STOMP does not have"),
            },
            _ => char,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Frame {
        let frames = Frame::parse_all(text).unwrap();
        assert_eq!(frames.len(), 1);
        frames.into_iter().next().unwrap()
    }

    #[test]
    fn a_frame_is_read_with_either_line_end() {
        let expected = Frame::new("SEND").with("destination", "/a").with("x", "1:2");
        for text in ["SEND\ndestination:/a\nx:1\\c2\n\nhi\0", "SEND\r\ndestination:/a\r\nx:1\\c2\r\n\r\nhi\0\r\n"] {
            assert_eq!(one(text), Frame { body: "hi".into(), ..expected.clone() });
        }
    }

    #[test]
    fn a_heart_beat_has_no_frame_and_a_message_may_have_several() {
        for beat in ["", "\n", "\r\n"] {
            assert_eq!(Frame::parse_all(beat).unwrap(), []);
        }
        let frames = Frame::parse_all("\nA\n\n\0\n\r\nB\n\nb\0\n").unwrap();
        assert_eq!(frames, [Frame::new("A"), Frame { body: "b".into(), ..Frame::new("B") }]);
    }

    #[test]
    fn the_length_of_a_body_counts_bytes_and_lets_it_hold_null() {
        let frame = one("SEND\ncontent-length:5\n\né\0xy\0");
        assert_eq!(frame.body, "é\0xy");
        assert_eq!(one(&frame.to_string()), frame);
    }

    #[test]
    fn of_a_header_that_comes_twice_the_first_counts() {
        assert_eq!(one("A\nx:1\nx:2\n\n\0").header("x"), Some("1"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let frame = Frame::new("MESSAGE").with("a:b\\n", "line\r\nline: \\c").with("empty", "").with_body("body\nbody");
        assert_eq!(one(&frame.to_string()), frame);
    }

    #[test]
    fn connect_and_connected_escape_nothing() {
        let frame = one("CONNECT\nhost:a:b\\d\n\n\0");
        assert_eq!(frame.header("host"), Some("a:b\\d"));
        assert_eq!(frame.to_string(), "CONNECT\nhost:a:b\\d\n\n\0");
    }

    #[test]
    fn every_frame_that_is_cut_short_is_refused() {
        let text = "SEND\ndestination:/a\ncontent-length:3\n\nabc\0";
        for end in 1..text.len() {
            assert!(Frame::parse_all(&text[..end]).is_err(), "{:?}", &text[..end]);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "SEND",
            "SEND\nno colon\n\n\0",
            "SEND\nx:\\t\n\n\0",
            "SEND\nx:\\\n\n\0",
            "SEND\ncontent-length:two\n\nab\0",
            "SEND\ncontent-length:-1\n\nab\0",
            "SEND\ncontent-length:1\n\nab\0",
            "SEND\ncontent-length:3\n\nab\0",
            "SEND\ncontent-length:1\n\né\0",
            "SEND\ncontent-length:18446744073709551615\n\nab\0",
        ] {
            assert!(Frame::parse_all(text).is_err(), "{text:?}");
        }
    }
}
