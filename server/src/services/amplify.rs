//! `/amplify`: a number n is answered with 2^n times `x`, for messages of all sizes.

use sockjs_edge::{Connection, Handler};
use worker::Result;

pub(crate) struct Amplify;

impl Handler for Amplify {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let n = message.trim().parse().ok().filter(|n| (1..=18).contains(n)).unwrap_or(1u32);
        Ok(connection.send("x".repeat(1 << n))?)
    }
}
