//! Runs the work of a request within the runtime's own call that wakes it.
//!
//! `js_sys` (0.3.106) defers each step of a task to a microtask, which costs a call to the runtime and a callback from it. Here a
//! step runs at the end of the [`turn`] that woke it. Outside of a turn the step is deferred as well: the code that wakes a task
//! may not be ready for it to run (`worker::Delay` 0.8.7 marks itself as elapsed only after the wake).

use futures::future::LocalBoxFuture;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::send::SendWrapper;

/// A piece of work, owned by the code that will wake it.
struct Task(SendWrapper<RefCell<Option<LocalBoxFuture<'static, ()>>>>);

thread_local! {
    static IN_TURN: Cell<bool> = const { Cell::new(false) };
    static WOKEN: RefCell<VecDeque<Arc<Task>>> = const { RefCell::new(VecDeque::new()) };
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        WOKEN.with_borrow_mut(|woken| woken.push_back(self));
        if !IN_TURN.get() {
            js_sys::futures::spawn_local(async { turn(|| {}) });
        }
    }
}

impl Task {
    fn poll(self: Arc<Self>) {
        let future = self.0.0.take();
        let Some(mut future) = future else { return };
        let waker = Waker::from(self.clone());
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.0.0.replace(Some(future));
        }
    }
}

/// Starts `work`, and runs it until it has to wait. Only for calls of the runtime, like [`turn`].
fn start(work: LocalBoxFuture<'static, ()>) {
    turn(|| Arc::new(Task(SendWrapper(RefCell::new(Some(work))))).wake());
}

/// Runs the runtime's `event`, then the work that it woke. Must not be nested in another call of this module.
pub(crate) fn turn(event: impl FnOnce()) {
    IN_TURN.set(true);
    event();
    while let Some(task) = WOKEN.with_borrow_mut(VecDeque::pop_front) {
        task.poll();
    }
    IN_TURN.set(false);
}

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// A promise and its resolver.
    type Later;

    fn later() -> Later;

    #[wasm_bindgen(method, getter)]
    fn promise(this: &Later) -> JsValue;

    #[wasm_bindgen(method)]
    fn resolve(this: &Later, value: &JsValue);
}

/// State of the value of some work.
enum Promised {
    Open,
    /// The value was there before anybody waited for it.
    Ready(JsValue),
    Waiting(Later),
}

/// Returns the value of `work`, or a promise of it if it has to wait. Without a value the promise never resolves. Only for calls
/// of the runtime, like [`turn`].
pub(crate) fn promised(work: LocalBoxFuture<'static, Option<JsValue>>) -> JsValue {
    let outcome = Rc::new(RefCell::new(Promised::Open));
    let told = outcome.clone();
    start(Box::pin(async move {
        let Some(value) = work.await else { return };
        let before = told.replace(Promised::Open);
        match before {
            Promised::Waiting(later) => later.resolve(&value),
            Promised::Open | Promised::Ready(_) => {
                told.replace(Promised::Ready(value));
            }
        }
    }));
    let so_far = outcome.replace(Promised::Open);
    match so_far {
        Promised::Ready(value) => value,
        Promised::Open | Promised::Waiting(_) => {
            let later = later();
            let promise = later.promise();
            outcome.replace(Promised::Waiting(later));
            promise
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::oneshot;
    use std::future::poll_fn;
    use std::task::Poll;

    type Said = Rc<RefCell<Vec<&'static str>>>;

    fn say(said: &Said, what: &'static str) -> impl FnOnce() + 'static {
        let said = said.clone();
        move || said.borrow_mut().push(what)
    }

    #[test]
    fn work_is_done_at_once_and_goes_on_at_the_end_of_the_turn_that_wakes_it() {
        let (wake, woken) = oneshot::channel();
        let said = Said::default();
        let (first, then) = (say(&said, "first"), say(&said, "then"));
        start(Box::pin(async move {
            first();
            assert_eq!(woken.await, Ok(()));
            then();
        }));
        assert_eq!(*said.borrow(), ["first"]);
        turn(|| {
            assert_eq!(wake.send(()), Ok(()));
            assert_eq!(*said.borrow(), ["first"], "whoever wakes it is let finish");
        });
        assert_eq!(*said.borrow(), ["first", "then"]);
    }

    #[test]
    fn work_that_wakes_itself_or_other_work_goes_on_first() {
        let (wake, woken) = oneshot::channel();
        let said = Said::default();
        let other = say(&said, "other");
        start(Box::pin(async move {
            let _ = woken.await;
            other();
        }));
        let (before, after, mut yielded) = (say(&said, "before"), say(&said, "after"), false);
        start(Box::pin(async move {
            assert_eq!(wake.send(()), Ok(()));
            before();
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            after();
        }));
        assert_eq!(*said.borrow(), ["before", "other", "after"]);
    }

    #[test]
    fn work_that_nobody_can_wake_is_dropped() {
        let held = Rc::new(());
        start(Box::pin({
            let held = held.clone();
            async move {
                poll_fn(|_| Poll::<()>::Pending).await;
                drop(held);
            }
        }));
        assert_eq!(Rc::strong_count(&held), 1);
    }
}
