//! Log lines: each event is one line of JSON, for any program that collects the runtime's log.

use crate::service::options::LogLevel;

/// A log line under construction. Its first two fields are `sockjs`, the name of the event, and `level`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

impl Line {
    /// Begins the line of an event.
    pub fn new(level: LogLevel, event: &str) -> Self {
        Self("{".into()).text("sockjs", event).text("level", level.name())
    }

    /// Adds a string.
    pub fn text(self, name: &str, value: &str) -> Self {
        let mut line = self.name(name);
        line.0.push_str(&quoted(value));
        line
    }

    /// Adds a number.
    pub fn number(self, name: &str, value: u64) -> Self {
        let mut line = self.name(name);
        line.0.push_str(&value.to_string());
        line
    }

    /// Returns the finished line, without an end of line.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(mut self, name: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self
    }
}

fn quoted(text: &str) -> String {
    // Serializing a string does not fail.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_is_in_its_texts() {
        let line = Line::new(LogLevel::Info, "closed").text("reason", "a \"b\"\n{}").number("code", 3000).finish();
        assert_eq!(line, r#"{"sockjs":"closed","level":"info","reason":"a \"b\"\n{}","code":3000}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
