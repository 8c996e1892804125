//! The log: one line of JSON for each event, at the level that the service selects.

use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use sockjs_protocol::observe::log::Line;
use sockjs_protocol::observe::metrics::{closed_by, code_of};
use sockjs_protocol::service::options::LogLevel;
use sockjs_protocol::sockjs::session::CloseReason;
use std::cell::RefCell;
use std::fmt::Display;
use worker::{console_debug, console_error, console_log, console_warn};

thread_local! {
    /// Levels of the isolate's services, by prefix.
    static LEVELS: RefCell<Vec<(String, LogLevel)>> = const { RefCell::new(Vec::new()) };
    /// Name of the node in a cluster.
    static NODE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sets the log level of the service at `prefix`.
pub(crate) fn set_level(prefix: &str, level: LogLevel) {
    LEVELS.with_borrow_mut(|levels| {
        levels.retain(|(known, _)| known != prefix);
        levels.push((prefix.to_owned(), level));
    });
}

/// Sets the name of the node, which all further lines have.
pub(crate) fn set_node(name: String) {
    NODE.set(Some(name));
}

/// True if `service` logs events of `level`. Without a service, true if any service does; errors are always logged then.
pub fn is_wanted(level: LogLevel, service: Option<&str>) -> bool {
    LEVELS.with_borrow(|levels| match service {
        Some(service) => levels.iter().any(|(prefix, most)| prefix == service && level <= *most),
        None => levels.iter().any(|(_, most)| level <= *most) || (levels.is_empty() && level == LogLevel::Error),
    })
}

/// Logs a problem with consequences.
pub fn error(event: &str, service: Option<&str>, problem: impl Display) {
    trouble(LogLevel::Error, event, service, &problem);
}

/// Logs a problem that leads to a retry or to a 503.
pub fn warn(event: &str, service: Option<&str>, problem: impl Display) {
    trouble(LogLevel::Warn, event, service, &problem);
}

/// Logs the same about a connection, if it is known.
pub fn warn_of(event: &str, service: &str, connection: Option<String>, problem: impl Display) {
    let level = LogLevel::Warn;
    if is_wanted(level, Some(service)) {
        let line = Line::new(level, event).text("service", service);
        let line = connection.into_iter().fold(line, |line, connection| line.text("connection", &connection));
        write(level, line.text("problem", &problem.to_string()));
    }
}

fn trouble(level: LogLevel, event: &str, service: Option<&str>, problem: &dyn Display) {
    if is_wanted(level, service) {
        let line = Line::new(level, event);
        let line = service.into_iter().fold(line, |line, service| line.text("service", service));
        write(level, line.text("problem", &problem.to_string()));
    }
}

/// Writes a line with the console's method for its level.
pub fn write(level: LogLevel, line: Line) {
    let line = NODE.with_borrow(|node| node.iter().fold(line, |line, node| line.text("node", node))).finish();
    if cfg!(all(feature = "testing", not(target_arch = "wasm32"))) {
        // A native test has no JavaScript console.
        return eprintln!("{line}");
    }
    match level {
        LogLevel::Error => console_error!("{line}"),
        LogLevel::Warn => console_warn!("{line}"),
        LogLevel::Debug => console_debug!("{line}"),
        // At level `None` no line is written; the enum may grow.
        LogLevel::Info | LogLevel::None | _ => console_log!("{line}"),
    }
}

/// Logs that a connection was opened.
pub(crate) fn opened(info: &ConnectionInfo) {
    of_connection(info, "opened", |line| line);
}

/// Logs that a connection ended, and the reason.
pub(crate) fn closed(info: &ConnectionInfo, reason: &CloseReason) {
    of_connection(info, "closed", |line| {
        line.text("by", closed_by(reason))
            .number("code", code_of(reason).into())
            .number("open_ms", (now() - info.opened).0)
    });
}

fn of_connection(info: &ConnectionInfo, event: &str, more: impl FnOnce(Line) -> Line) {
    if !is_wanted(LogLevel::Info, Some(&info.service)) {
        return;
    }
    let line = Line::new(LogLevel::Info, event)
        .text("service", &info.service)
        .text("transport", info.transport.name())
        .text("connection", &info.id);
    write(LogLevel::Info, more(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_a_level_of_its_own() {
        assert!(is_wanted(LogLevel::Error, None) && !is_wanted(LogLevel::Warn, None));
        set_level("/a", LogLevel::Debug);
        set_level("/b", LogLevel::None);
        assert!(is_wanted(LogLevel::Debug, Some("/a")) && is_wanted(LogLevel::Error, Some("/a")));
        assert!(!is_wanted(LogLevel::Error, Some("/b")));
        assert!(is_wanted(LogLevel::Debug, None));
        set_level("/a", LogLevel::Error);
        assert!(!is_wanted(LogLevel::Warn, Some("/a")));
    }
}
