//! The runtime's clock, as the Worker half reads it.

use js_sys::Date;
use sockjs_protocol::time::Millis;

/// Returns the milliseconds since the Unix epoch. The clock moves only while code waits.
pub(crate) fn now() -> Millis {
    // `Date.now()` is a positive whole number.
    Millis(Date::now() as u64)
}
