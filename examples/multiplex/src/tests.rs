//! Channels from the point of view of the package `websocket-multiplex`.

use crate::Multiplex;
use sockjs_edge::Config;
use sockjs_edge::testing::TestRoom;

fn room() -> TestRoom {
    TestRoom::new(Config::new("/multiplex"), || Multiplex)
}

#[test]
fn channels_of_one_connection_do_not_mix() {
    let room = room();
    let client = room.connect();
    client.send("sub,ann");
    client.send("sub,bob");
    assert_eq!(client.received(), ["msg,ann,Ann says hi!", "msg,bob,Bob doesn't agree."]);
    client.send("msg,bob,really, now?");
    client.send("msg,ann,yes");
    assert_eq!(client.received(), ["msg,bob,Bob says no to: really, now?", "msg,ann,Ann nods: yes"]);
    client.send("uns,bob");
    client.send("msg,bob,still there?");
    assert!(client.received().is_empty());
}

#[test]
fn a_channel_that_the_server_ends_is_not_open() {
    let room = room();
    let client = room.connect();
    client.send("sub,carl");
    client.send("msg,carl,wait");
    assert_eq!(client.received(), ["msg,carl,Carl says goodbye!", "uns,carl"]);
}

#[test]
fn what_is_no_channel_is_ignored() {
    let room = room();
    let client = room.connect();
    for message in ["", "sub", "sub,dave", "msg,ann,too early", "uns,ann"] {
        client.send(message);
    }
    assert!(client.received().is_empty() && client.is_open());
}

#[test]
fn channels_stay_open_while_the_object_sleeps() {
    let room = room();
    let client = room.connect();
    client.send("sub,ann");
    client.received();
    room.hibernate();
    client.send("msg,ann,morning");
    assert_eq!(client.received(), ["msg,ann,Ann nods: morning"]);
}
