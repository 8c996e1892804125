//! The demo: a page at `/` with the stock client, and the services that it connects to. Where it is on, anybody may use it, so
//! it is limited: in messages, their size and their rate, in connections, and in rooms.

mod about;
mod chat;
mod echo;
mod files;
mod rooms;
mod visitors;

use super::client::client_url;
pub(crate) use about::about;
use chat::Chat;
use echo::Echo;
pub(crate) use files::file;
use sockjs_edge::{Config, Durability, Heartbeats, Liveness, Millis, Placement, Services, WebSocketHolder};
use visitors::Visitors;

pub(crate) const ECHO: &str = "/demo/echo";
const CHAT: &str = "/demo/chat/{room}";
const VISITORS: &str = "/demo/visitors";

/// Short, so that a visitor sees them, and long enough for the object to fall asleep in between.
const HEARTBEAT_DELAY: Millis = Millis::from_secs(15);
const RECEIVER_MAX_AGE: Millis = Millis::from_secs(600);

/// Tabs in the background may have one timer a minute.
const SILENCE_TIMEOUT: Millis = Millis::from_secs(90);

/// `services` with the demo's own. `apply` sets what is configured for all; what the page stands on and what keeps
/// strangers in bounds is set after that.
pub(crate) fn add(services: Services, apply: impl Fn(Config) -> Config) -> Services {
    let config = |prefix| limited(apply(Config::new(prefix)));
    services
        // So that a visitor who restarts the object finds nothing lost.
        .add(held(config(ECHO)).durability(Durability::Outbox).connections_per_object(4), |_| Echo::new())
        .add(config(CHAT).placement(Placement::Room).connections_per_object(32), |_| Chat)
        // Each page that opens or closes sends a message to all, so the room is bounded.
        .add(held(config(VISITORS)).placement(Placement::Room).connections_per_object(200), |_| Visitors)
}

/// A WebSocket lives through the restart of its object, too.
fn held(config: Config) -> Config {
    config.websocket_holder(WebSocketHolder::Worker).heartbeats(Heartbeats::Worker)
}

fn limited(mut config: Config) -> Config {
    config.base_url = None;
    config.first_message_timeout = None;
    config
        .sockjs_url(client_url(ECHO))
        .placement(Placement::Session)
        .heartbeat_delay(HEARTBEAT_DELAY)
        .websocket_heartbeat_delay(HEARTBEAT_DELAY)
        .receiver_max_age(RECEIVER_MAX_AGE)
        .liveness(Liveness::Page)
        .silence_timeout(SILENCE_TIMEOUT)
        .liveness_required(false)
        .body_limit(16 << 10)
        .message_limit(2 << 10)
        .messages_per_body(20)
        .message_rate(20)
        .queue_limit(64 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::service::options::OPTIONS;

    #[test]
    fn what_is_configured_for_all_leaves_the_demo_servable() {
        for (name, text) in [
            ("message_limit", "1048576"),
            ("receiver_max_age", "1000"),
            ("heartbeat_delay", "1000"),
            ("liveness", "here"),
            ("silence_timeout", "1000"),
            ("liveness_required", "true"),
            ("placement", "shards:16"),
            ("base_url", "https://elsewhere.example/echo"),
            ("sockjs_url", "https://elsewhere.example/sockjs.js"),
            ("first_message_timeout", "1000"),
        ] {
            let option = OPTIONS.iter().find(|option| option.name == name).unwrap();
            let mut config = Config::new(ECHO);
            option.set(&mut config, text).unwrap();
            let config = limited(config);
            assert_eq!(config.check(), Ok(()), "{name}");
            assert_eq!(config, limited(Config::new(ECHO)), "{name}");
        }
    }
}
