//! The runtime's clock, as the Worker half reads it.

use js_sys::Date;
use sockjs_protocol::time::Millis;

/// Milliseconds since the Unix epoch; the clock moves only while code waits.
pub(crate) fn now() -> Millis {
    // As far as JavaScript counts, a positive whole number.
    Millis(Date::now() as u64)
}
