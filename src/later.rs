//! What the runtime tells later, through one function for all of it: a closure of its own for each is made, registered with
//! the garbage collector, and taken back.

use crate::task::turn;
use js_sys::{Date, Function};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Calls `tell` with `number` after a time.
    pub(crate) fn wake(after_ms: f64, number: u32, tell: &Function);
}

/// What is told: a value, or what was thrown.
type Told = Result<JsValue, JsValue>;

/// The function that JavaScript calls with the number it was given, and a value or an error.
type Tell = Closure<dyn Fn(u32, JsValue, bool)>;

/// Longer than anything here is waited for, and than a body may take to arrive. An invocation that ends before its time,
/// since its client left, is never told.
const FORGOTTEN_AFTER_MS: f64 = 120_000.0;

/// How many are expected before somebody looks for forgotten ones.
const LOOK_AT: usize = 256;

thread_local! {
    static EXPECTED: RefCell<HashMap<u32, Expecting>> = RefCell::default();
    static LAST: Cell<u32> = const { Cell::new(0) };
    static LOOK_NEXT_AT: Cell<usize> = const { Cell::new(LOOK_AT) };
    static TELL: Tell = Closure::new(|number: u32, value, is_error| {
        let told = if is_error { Err(value) } else { Ok(value) };
        // What nobody expects any more comes too late.
        let expected = EXPECTED.with_borrow_mut(|expected| expected.remove(&number));
        match expected {
            Some(Expecting::Answer(slot, _)) => turn(|| slot.fill(told)),
            Some(Expecting::Call(call)) => turn(call),
            None => {}
        }
    });
}

/// Who is told.
enum Expecting {
    /// A task, which asked at this time.
    Answer(Rc<Slot>, f64),
    Call(Box<dyn FnOnce()>),
}

/// Where an answer is put for the task that waits for it.
#[derive(Debug, Default)]
struct Slot {
    told: RefCell<Option<Told>>,
    waiting: RefCell<Option<Waker>>,
}

impl Slot {
    fn fill(&self, told: Told) {
        self.told.replace(Some(told));
        let waiting = self.waiting.take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// Something that is expected, until it is told or this is dropped.
#[derive(Debug)]
pub(crate) struct Expected(u32);

impl Expected {
    /// Expects one call; `ask` is given the number and the function that it is to be told by.
    pub fn call<T>(call: impl FnOnce() + 'static, ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        Self::new(Expecting::Call(Box::new(call)), ask)
    }

    fn new<T>(expecting: Expecting, ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        let number = LAST.get().wrapping_add(1);
        LAST.set(number);
        EXPECTED.with_borrow_mut(|expected| expected.insert(number, expecting));
        let expected = Self(number);
        let asked = TELL.with(|tell| ask(number, tell.as_ref().unchecked_ref()));
        (expected, asked)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let expected = EXPECTED.with_borrow_mut(|expected| expected.remove(&self.0));
        // Not within the borrow: what is dropped with it may expect something, too.
        drop(expected);
    }
}

/// Waits for what was asked. It may be polled by one task and then by another.
#[derive(Debug)]
struct Answer {
    slot: Rc<Slot>,
    _expected: Expected,
}

impl Answer {
    fn to<T>(ask: impl FnOnce(u32, &Function) -> T) -> (Self, T) {
        let now = Date::now();
        forget(now);
        let slot = Rc::new(Slot::default());
        let (expected, asked) = Expected::new(Expecting::Answer(slot.clone(), now), ask);
        (Self { slot, _expected: expected }, asked)
    }
}

impl Future for Answer {
    type Output = Told;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Told> {
        let told = self.slot.told.take();
        if told.is_none() {
            self.slot.waiting.replace(Some(context.waker().clone()));
        }
        told.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Forgets what invocations that are no more expected, and lets go of the tasks that waited for it.
fn forget(now: f64) {
    let forgotten: Vec<_> = EXPECTED.with_borrow_mut(|expected| {
        if expected.len() < LOOK_NEXT_AT.get() {
            return Vec::new();
        }
        let is_forgotten = |expecting: &Expecting| match expecting {
            Expecting::Answer(_, since) => *since + FORGOTTEN_AFTER_MS < now,
            Expecting::Call(_) => false,
        };
        let forgotten =
            expected.extract_if(|_, expecting| is_forgotten(expecting)).map(|(_, expecting)| expecting).collect();
        LOOK_NEXT_AT.set(LOOK_AT.max(expected.len() * 2));
        forgotten
    });
    for expecting in forgotten {
        if let Expecting::Answer(slot, _) = expecting {
            // The task keeps the slot, and the slot the task. Not within a borrow: what is dropped with it may expect something.
            let waiting = slot.waiting.take();
            drop(waiting);
        }
    }
}

/// Waits for the answer to what `ask` asks.
pub(crate) async fn answer<E: From<JsValue>>(ask: impl FnOnce(u32, &Function) -> Result<(), E>) -> Result<JsValue, E> {
    let (answer, asked) = Answer::to(ask);
    asked?;
    Ok(answer.await?)
}

/// Ready after a time. `worker::Delay` (0.8.7) keeps the waker of its first poll; this may go from task to task.
#[derive(Debug)]
pub(crate) struct Timer(Answer);

impl Timer {
    pub fn new(after: Millis) -> Self {
        Self(Answer::to(|number, tell| wake(after.0 as f64, number, tell)).0)
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}
