//! `/herald`, a room whose application broadcasts on its own: a message such as `{"from":0,"count":1000,"size":1024,"waits":true}`
//! sets the alarm, and the alarm's handler broadcasts that many messages, numbered from `from`.
//!
//! With `"waits":true` it awaits [`Room::ready`] before each message, as an application does. With `"readers":3` it does not: it
//! only waits until three members have less than `"behind"` bytes before them. An order `{"last":"..."}` broadcasts that string.

use serde_json::Value;
use sockjs_edge::{Connection, Handler, Room};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;
use worker::{Delay, Result};

/// Time between two looks at the members.
const LOOK: Duration = Duration::from_millis(5);

/// Messages that are broadcast without a pause.
const AT_ONCE: u64 = 4;

#[derive(Default)]
pub(crate) struct Herald {
    orders: RefCell<VecDeque<Value>>,
}

impl Handler for Herald {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        self.orders.borrow_mut().push_back(serde_json::from_str(&message)?);
        connection.room().set_alarm(Duration::ZERO)
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        loop {
            let Some(order) = self.orders.borrow_mut().pop_front() else { return Ok(()) };
            if let Some(last) = order.get("last").and_then(Value::as_str) {
                room.ready().await;
                room.broadcast(last);
            } else {
                proclaim(room, &order).await;
            }
        }
    }
}

async fn proclaim(room: &Room, order: &Value) {
    let number = |name| order.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (from, count, size) = (number("from"), number("count"), number("size") as usize);
    let (readers, behind) = (number("readers") as usize, number("behind") as usize);
    let waits = order.get("waits").is_some();
    for at in from..from.saturating_add(count) {
        if waits {
            room.ready().await;
        } else if at % AT_ONCE == 0 {
            Delay::from(Duration::ZERO).await;
            while room.connections().filter(|member| member.buffered_amount() <= behind).count() < readers {
                Delay::from(LOOK).await;
            }
        }
        let mut message = at.to_string();
        message.push(' ');
        message.push_str(&"-".repeat(size.saturating_sub(message.len())));
        room.broadcast(message);
    }
}
