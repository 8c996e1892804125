//! Futures that run within the event that starts them. Only a future that has to wait becomes a task.

use crate::js::clock::in_one_moment;
use crate::js::response::JsResponse;
use futures::future::LocalBoxFuture;
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use wasm_bindgen::JsValue;
use worker::Result;
use worker::durable::State;

/// Runs `future` until it waits; a pending future becomes a task, which keeps the object awake. Most handlers never wait, and a
/// task costs more than they do.
pub(crate) fn run(state: &State, mut future: LocalBoxFuture<'static, ()>) {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(relay.clone());
    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        state.wait_until(poll_fn(move |context| {
            relay.wake_instead(context.waker());
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
    }
}

/// Answers an event with the result of `answer`, or with a promise of it if it has to wait.
pub(crate) fn promised(
    mut answer: LocalBoxFuture<'static, Result<JsResponse>>,
) -> std::result::Result<JsResponse, JsValue> {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(relay.clone());
    let mut at_once = Poll::Pending;
    in_one_moment(|| at_once = answer.as_mut().poll(&mut Context::from_waker(&waker)));
    if let Poll::Ready(reply) = at_once {
        return Ok(reply?);
    }
    let waiting = poll_fn(move |context| {
        relay.wake_instead(context.waker());
        answer.as_mut().poll(&mut Context::from_waker(&waker))
    });
    Ok(promise(Box::pin(waiting)).into())
}

/// Returns a promise of the result of `work`.
pub(crate) fn promise(work: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
    future_to_promise(async move { Ok(work.await?) })
}

/// The only waker that a future sees, before and after it becomes a task: `worker::Delay` (0.8.7) keeps the waker of its first
/// poll and would never wake another one.
#[derive(Default)]
pub(crate) struct Relay(Mutex<Option<Waker>>);

impl Relay {
    pub fn wake_instead(&self, waker: &Waker) {
        if let Ok(mut task) = self.0.lock() {
            task.replace(waker.clone());
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let task = self.0.lock().ok().and_then(|task| task.clone());
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_wakes_the_task_that_came_last() {
        struct Task(std::sync::atomic::AtomicUsize);
        impl Wake for Task {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let tasks = [(); 2].map(|()| Arc::new(Task(0.into())));
        let relay = Arc::new(Relay::default());
        let waker = Waker::from(relay.clone());
        waker.wake_by_ref();
        for task in &tasks {
            relay.wake_instead(&Waker::from(task.clone()));
        }
        waker.wake();
        assert_eq!(tasks.map(|task| task.0.load(std::sync::atomic::Ordering::Relaxed)), [0, 1]);
    }
}
