//! The time, according to the runtime.

use sockjs_protocol::time::Millis;
use std::cell::Cell;

thread_local! {
    static MOMENT: Cell<Option<Millis>> = const { Cell::new(None) };
}

/// Returns the milliseconds since the Unix epoch. The runtime's clock stands still while code runs without waiting.
pub(crate) fn now() -> Millis {
    MOMENT.get().unwrap_or_else(clock)
}

/// Handles an event until it waits, and reads the clock only once: each read is a call out of wasm and through the runtime.
pub(crate) fn in_one_moment<T>(event: impl FnOnce() -> T) -> T {
    in_moment(clock(), event)
}

/// Runs `event` with the clock standing at `moment`.
pub(crate) fn in_moment<T>(moment: Millis, event: impl FnOnce() -> T) -> T {
    MOMENT.set(Some(moment));
    let result = event();
    MOMENT.set(None);
    result
}

#[cfg(feature = "testing")]
thread_local! {
    static VIRTUAL: Cell<Option<Millis>> = const { Cell::new(None) };
}

/// Replaces the runtime's clock in this thread by one that stands at `moment`.
#[cfg(feature = "testing")]
pub(crate) fn stand_at(moment: Millis) {
    VIRTUAL.set(Some(moment));
}

fn clock() -> Millis {
    #[cfg(feature = "testing")]
    if let Some(moment) = VIRTUAL.get() {
        return moment;
    }
    // `Date.now()` is a positive whole number.
    Millis(js_sys::Date::now() as u64)
}
