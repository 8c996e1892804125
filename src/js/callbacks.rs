//! JavaScript callbacks, multiplexed through one shared closure. One closure for each callback would have to be allocated, registered
//! for finalization and freed each time.

use crate::js::executor::turn;
use js_sys::{Date, Function};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Calls `tell` with `number` after a time.
    pub(crate) fn wake(after_ms: f64, number: u32, tell: &Function);
}

/// Result of a callback: a value, or the thrown error.
type CallbackResult = Result<JsValue, JsValue>;

/// The function that JavaScript calls with the number it was given, and a value or an error.
type Tell = Closure<dyn Fn(u32, JsValue, bool)>;

/// Longer than any wait that the server limits. An invocation that ends early, because its client left, never gets its callbacks.
/// Only a body may take longer to arrive: among many callbacks, the request of a client that pauses for so long gets no response.
const FORGOTTEN_AFTER_MS: f64 = 120_000.0;

/// Number of callbacks from which on abandoned ones are removed.
const LOOK_AT: usize = 256;

thread_local! {
    static CALLBACKS: RefCell<HashMap<u32, Callback>> = RefCell::default();
    static LAST: Cell<u32> = const { Cell::new(0) };
    static LOOK_NEXT_AT: Cell<usize> = const { Cell::new(LOOK_AT) };
    static TELL: Tell = Closure::new(|number: u32, value, is_error| {
        let told = if is_error { Err(value) } else { Ok(value) };
        // A missing entry means that the callback is late: its registration was dropped.
        let expected = CALLBACKS.with_borrow_mut(|expected| expected.remove(&number));
        match expected {
            Some(Callback::Future(slot, _)) => turn(|| slot.fill(told)),
            Some(Callback::Call(call)) => turn(call),
            None => {}
        }
    });
}

/// Recipient of a callback.
enum Callback {
    /// A task, which registered at this time.
    Future(Rc<Slot>, f64),
    Call(Box<dyn FnOnce()>),
}

/// Slot for a result, with the task that waits for it.
#[derive(Debug, Default)]
struct Slot {
    told: RefCell<Option<CallbackResult>>,
    waiting: RefCell<Option<Waker>>,
}

impl Slot {
    fn fill(&self, told: CallbackResult) {
        self.told.replace(Some(told));
        let waiting = self.waiting.take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// An expected callback. Dropping the registration cancels it.
#[derive(Debug)]
pub(crate) struct Registration(u32);

impl Registration {
    /// Registers `call` for one callback. `ask` receives the number and the function to report with.
    pub fn call<T>(call: impl FnOnce() + 'static, ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        Self::new(Callback::Call(Box::new(call)), ask)
    }

    fn new<T>(expecting: Callback, ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        let number = LAST.get().wrapping_add(1);
        LAST.set(number);
        CALLBACKS.with_borrow_mut(|expected| expected.insert(number, expecting));
        let expected = Self(number);
        let asked = TELL.with(|tell| ask(number, tell.as_ref().unchecked_ref()));
        (expected, asked)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let expected = CALLBACKS.with_borrow_mut(|expected| expected.remove(&self.0));
        // Outside of the borrow: dropping the callback may register another one.
        drop(expected);
    }
}

/// Waits for a callback. The future may be polled by one task and then by another.
#[derive(Debug)]
struct CallbackFuture {
    slot: Rc<Slot>,
    _expected: Registration,
}

impl CallbackFuture {
    fn to<T>(ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        let now = Date::now();
        forget(now);
        let slot = Rc::new(Slot::default());
        let (expected, asked) = Registration::new(Callback::Future(slot.clone(), now), ask);
        (Self { slot, _expected: expected }, asked)
    }
}

impl Future for CallbackFuture {
    type Output = CallbackResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CallbackResult> {
        let told = self.slot.told.take();
        if told.is_none() {
            self.slot.waiting.replace(Some(context.waker().clone()));
        }
        told.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Removes the callbacks of dead invocations, and drops the tasks that waited for them.
fn forget(now: f64) {
    let forgotten: Vec<_> = CALLBACKS.with_borrow_mut(|expected| {
        if expected.len() < LOOK_NEXT_AT.get() {
            return Vec::new();
        }
        let is_forgotten = |expecting: &Callback| match expecting {
            Callback::Future(_, since) => *since + FORGOTTEN_AFTER_MS < now,
            Callback::Call(_) => false,
        };
        let forgotten =
            expected.extract_if(|_, expecting| is_forgotten(expecting)).map(|(_, expecting)| expecting).collect();
        LOOK_NEXT_AT.set(LOOK_AT.max(expected.len() * 2));
        forgotten
    });
    for expecting in forgotten {
        if let Callback::Future(slot, _) = expecting {
            // The task owns the slot, and the slot the task. Outside of the borrow: dropping the task may register a callback.
            let waiting = slot.waiting.take();
            drop(waiting);
        }
    }
}

/// Waits for the result of the operation that `ask` starts.
pub(crate) async fn callback_result<E: From<JsValue>>(
    ask: impl FnOnce(u32, &Function) -> Result<(), E>,
) -> Result<JsValue, E> {
    let (answer, asked) = CallbackFuture::to(ask);
    asked?;
    Ok(answer.await?)
}

/// A timer. `worker::Delay` (0.8.7) keeps the waker of its first poll; this future may move from task to task.
#[derive(Debug)]
pub(crate) struct Sleep(CallbackFuture);

impl Sleep {
    pub fn new(after: Millis) -> Self {
        Self(CallbackFuture::to(|number, tell| wake(after.0 as f64, number, tell)).0)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}
