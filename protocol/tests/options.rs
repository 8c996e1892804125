//! Options: defaults, limits, and their names in variables.

use sockjs_protocol::service::options::{Config, Durability, Heartbeats, Liveness, OPTIONS, Placement};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::address::Upstream;

fn echo() -> Config {
    Config::new("/echo")
}

/// A front for the upstream at `address`, or for none if that is no address.
fn front(prefix: &str, address: &str) -> Config {
    let config = Config::new(prefix);
    Upstream::read(address).map_or(config.clone(), |upstream| config.upstream(upstream))
}

#[test]
fn the_defaults_are_valid_and_sockjs_nodes() {
    let config = Config::new("/echo/");
    assert_eq!(config.check(), Ok(()));
    assert_eq!(config.prefix, "/echo");
    assert_eq!((config.heartbeat_delay, config.disconnect_delay), (Millis(25_000), Millis(5_000)));
    assert_eq!((config.response_limit, config.websocket, config.jsessionid), (131_072, true, false));
    assert_eq!(Config::new("").check(), Ok(()));
    assert_eq!(Config::new("/chat/{room}").check(), Ok(()));
}

#[test]
fn a_bad_option_is_named() {
    for (config, option) in [
        (Config::new("echo"), "prefix"),
        (Config::new("/é"), "prefix"),
        (Config::new("/a//b"), "prefix"),
        (Config::new("/../b"), "prefix"),
        (Config::new("/a?b"), "prefix"),
        (Config::new("/a/{}"), "prefix"),
        (Config::new("//"), "prefix"),
        (Config::new("/a/{b}/{b}"), "prefix"),
        (echo().placement(Placement::Shards(1025)), "placement"),
        (Config::new("/a/b{c}"), "prefix"),
        (Config::new("/a/{b/c}"), "prefix"),
        (echo().placement(Placement::Shards(0)), "placement"),
        (echo().response_limit(0), "response_limit"),
        (echo().reattach_timeout(Millis(999)), "reattach_timeout"),
        (echo().sockjs_url(""), "sockjs_url"),
        (echo().sockjs_url("/a\"b"), "sockjs_url"),
        (echo().transports([]), "transports"),
        (echo().transports([Transport::WebSocket, Transport::WebSocketRaw]).websocket(false), "transports"),
        (echo().websocket_protocols(["v12.stomp", "a b"]), "websocket_protocols"),
        (echo().websocket_protocols([""]), "websocket_protocols"),
        (echo().heartbeat_delay(Millis(35_000)), "heartbeat_delay"),
        (echo().heartbeat_delay(Millis(999)), "heartbeat_delay"),
        (echo().websocket_heartbeat_delay(Millis(10)), "websocket_heartbeat_delay"),
        (echo().disconnect_delay(Millis(0)), "disconnect_delay"),
        (echo().disconnect_delay(Millis::from_secs(90_000)), "disconnect_delay"),
        (echo().receiver_max_age(Millis(1)), "receiver_max_age"),
        (echo().receiver_max_age(Millis::from_secs(86_401)), "receiver_max_age"),
        (echo().liveness("x".repeat(2_045)), "liveness"),
        (echo().liveness("page").silence_timeout(Millis(25_000)), "silence_timeout"),
        (echo().silence_timeout(Millis(999)), "silence_timeout"),
        (echo().liveness_required(true), "liveness_required"),
        (echo().grace(Millis(101)), "grace"),
        (echo().persist_after(Millis(1000)), "persist_after"),
        (echo().body_limit((32 << 20) + 1), "body_limit"),
        (echo().inbox_limit(0), "inbox_limit"),
        (echo().inbox_limit((32 << 20) + 1), "inbox_limit"),
        (echo().send_timeout(Millis(999)), "send_timeout"),
        (echo().stall_timeout(Millis(999)), "stall_timeout"),
        (echo().frame_limit(0), "frame_limit"),
        (echo().room_patience(Millis(20_001)), "room_patience"),
        (echo().message_limit(9 << 20), "message_limit"),
        (echo().message_limit(0), "message_limit"),
        (echo().queue_limit(0), "queue_limit"),
        (echo().queue_limit((1 << 20) - 1), "queue_limit"),
        (echo().queue_limit((64 << 20) + 1), "queue_limit"),
        (echo().object_queue_limit((1 << 20) - 1), "object_queue_limit"),
        (echo().object_queue_limit((64 << 20) + 1), "object_queue_limit"),
        (echo().allowed_origins(["https://example.com/"]), "allowed_origins"),
        (echo().jurisdiction("EU"), "jurisdiction"),
        (echo().location_hint(""), "location_hint"),
        (echo().object_timeout(Millis(9_999)), "object_timeout"),
        (echo().object_timeout(Millis(55_001)), "object_timeout"),
        (echo().trusted_proxies(["10.0.0.0/33"]), "trusted_proxies"),
        (echo().client_address_header("X Forwarded For"), "client_address_header"),
        (echo().client_address_header("X-Real-IP"), "client_address_header"),
        (echo().client_address_header(""), "client_address_header"),
        (echo().ticket_lifetime(Millis(1)), "ticket_lifetime"),
        (echo().ticket_max_age(Millis::from_secs(60)), "ticket_max_age"),
        (echo().messages_per_body(0), "messages_per_body"),
        (echo().message_rate(0), "message_rate"),
        (echo().first_message_timeout(Millis(1)), "first_message_timeout"),
        (echo().connections_per_object(0), "connections_per_object"),
        (front("/echo", "wss://chat.example/{room}"), "upstream"),
        (front("/echo", "wss://chat.example/").liveness("page"), "upstream"),
        (echo().upstream_protocols(["a b"]), "upstream_protocols"),
        (echo().upstream_timeout(Millis(999)), "upstream_timeout"),
        (echo().upstream_timeout(Millis(55_001)), "upstream_timeout"),
    ] {
        assert_eq!(config.check().unwrap_err().option, option);
    }
}

#[test]
fn an_upstream_may_have_the_parameters_of_the_prefix() {
    for (prefix, address) in [
        ("/sockjs", "ws://127.0.0.1:1234/ws"),
        ("/chat/{room}", "wss://chat.example/{room}?room={room}"),
        ("", "service:BACKEND/"),
    ] {
        let config = front(prefix, address);
        assert_eq!(config.upstream.as_ref().map(ToString::to_string).as_deref(), Some(address));
        assert_eq!(config.check(), Ok(()));
    }
}

#[test]
fn without_jsonp_a_heartbeat_may_be_rare() {
    let polling = echo().transports([Transport::XhrPolling]);
    let config = polling.heartbeat_delay(Millis(60_000));
    assert_eq!(config.check(), Ok(()));
}

#[test]
fn whoever_keeps_the_clock_decides_how_old_a_response_gets() {
    let worker = echo().heartbeats(Heartbeats::Worker);
    assert_eq!(worker.check(), Ok(()));
    assert_eq!((echo().response_age(), worker.response_age()), (Millis(600_000), Millis(86_400_000)));
    assert_eq!(worker.receiver_max_age(Millis(700_000)).response_age(), Millis(700_000));
}

#[test]
fn the_names_of_liveness_messages_stand_for_them() {
    let of = |text: &str| {
        let mut config = echo();
        let option = OPTIONS.iter().find(|option| option.name == "liveness").unwrap();
        option.set(&mut config, text).unwrap();
        assert_eq!(config.check(), Ok(()));
        config.liveness
    };
    assert_eq!(of(""), None);
    assert_eq!(of("page"), Some(Liveness::Page));
    assert_eq!(of("stomp"), Some(Liveness::Stomp));
    assert_eq!(of("vertx"), Some(Liveness::Vertx));
    assert_eq!(of("pages"), Some(Liveness::Message("pages".into())));
    assert_eq!(echo().liveness("stomp").liveness, Some(Liveness::Stomp));
}

#[test]
fn websocket_and_transports_both_have_a_say() {
    let no_websocket = echo().websocket(false);
    assert!(!no_websocket.offers(Transport::WebSocket) && !no_websocket.offers(Transport::WebSocketRaw));
    assert!(no_websocket.offers(Transport::XhrPolling));
    let one = echo().transports([Transport::WebSocket]);
    assert!(one.offers(Transport::WebSocket) && !one.offers(Transport::WebSocketRaw));
}

#[test]
fn each_option_is_set_by_its_name() {
    let text_of = |name| match name {
        "sockjs_url" => "/sockjs.js",
        "transports" => "websocket,xhr-polling",
        "websocket" => "false",
        "websocket_protocols" => "v12.stomp,v11.stomp",
        "allowed_origins" => "https://example.com,null",
        "address_limiter" => "LIMITER",
        "jurisdiction" => "fedramp-high",
        "location_hint" => "weur",
        "object_timeout" => "30000",
        "trusted_proxies" => "10.0.0.0/8,fd00::/8",
        "client_address_header" => "X-Real-IP",
        "jsessionid" | "disable_cors" | "tickets" | "metrics" | "liveness_required" => "true",
        "log" => "debug",
        "upstream" => "wss://chat.example/socket",
        "upstream_open" => "before",
        "upstream_protocols" => "v12.stomp",
        "upstream_delivery" => "at_least_once",
        "base_url" => "https://example.com/echo",
        "placement" => "shards:16",
        "durability" => "outbox",
        "heartbeats" | "websocket_holder" => "worker",
        _ => "1234",
    };
    let mut config = echo();
    for option in OPTIONS {
        let text = text_of(option.name);
        assert_ne!(option.show(&config), text);
        option.set(&mut config, &format!(" {text} ")).unwrap();
        assert_eq!(option.show(&config), text, "{}", option.name);
        // What is shown can be set.
        let mut again = echo();
        for option in OPTIONS {
            option.set(&mut again, &option.show(&config)).unwrap();
        }
        assert_eq!(again, config);
    }
    assert_eq!(config.transports, [Transport::WebSocket, Transport::XhrPolling]);
    assert_eq!((config.placement, config.durability), (Placement::Shards(16), Durability::Outbox));
    assert_eq!(config.websocket_heartbeat_delay, Some(Millis(1234)));
}

#[test]
fn a_text_that_is_no_value_is_told_what_it_must_be() {
    for (name, text, expected) in [
        ("heartbeat_delay", "25s", "a whole number of milliseconds"),
        ("disconnect_delay", "-1", "a whole number of milliseconds"),
        ("body_limit", "1.5", "a whole number of bytes"),
        ("jsessionid", "yes", "true or false"),
        ("placement", "shards", "session, room, or shards: and a number, such as shards:16"),
        ("durability", "", "default or outbox"),
        ("heartbeats", "object", "alarm or worker"),
        ("websocket_holder", "alarm", "object or worker"),
        ("log", "all", "none, error, warn, info or debug"),
        ("upstream_open", "later", "before, after or auto"),
        ("upstream_delivery", "twice", "at_most_once or at_least_once"),
        (
            "upstream",
            "wss://chat.example/#a",
            "no fragment: HTTP does not transmit it. Write %23 for a # in path or query",
        ),
    ] {
        let option = OPTIONS.iter().find(|option| option.name == name).unwrap();
        let mut config = echo();
        assert_eq!(option.set(&mut config, text), Err(expected));
        assert_eq!(config, echo());
    }
    let transports = OPTIONS.iter().find(|option| option.name == "transports").unwrap();
    assert!(transports.set(&mut echo(), "websocket,carrier-pigeon").unwrap_err().contains("jsonp-polling"));
}
