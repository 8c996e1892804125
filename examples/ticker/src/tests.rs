//! Messages to a listener.

use crate::Ticker;
use serde_json::json;
use sockjs_edge::testing::TestRoom;
use sockjs_edge::{Config, Placement};

#[test]
fn each_listener_gets_its_own_address_and_hears_every_tick() {
    let room = TestRoom::new(Config::new("/ticker").placement(Placement::Room), || Ticker);
    let listeners = [room.connect(), room.connect()];
    for listener in &listeners {
        assert_eq!(listener.received_json(), [json!({ "address": listener.connection().address() })]);
        listener.send("anybody?");
    }
    assert_eq!(room.room().broadcast("tick"), 2);
    for listener in &listeners {
        assert_eq!(listener.received(), ["tick"]);
    }
}
