//! The executor, which polls the callbacks that wait.

use futures::future::LocalBoxFuture;
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Tasks that have not ended.
#[derive(Default)]
pub(super) struct Tasks(RefCell<Vec<Rc<Task>>>);

struct Task {
    /// Name of the callback that the task runs.
    callback: &'static str,
    flag: Arc<Flag>,
    future: RefCell<LocalBoxFuture<'static, ()>>,
}

/// True if a task was woken and has not been polled since.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Task {
    fn poll(&self) -> Poll<()> {
        self.flag.0.store(false, Ordering::Relaxed);
        poll(self.callback, self.future.borrow_mut().as_mut(), &self.flag)
    }
}

impl Tasks {
    /// Runs a callback as far as it goes, and keeps it if it has not ended.
    pub fn spawn(&self, callback: &'static str, future: LocalBoxFuture<'static, ()>) {
        let task = Rc::new(Task { callback, flag: Arc::default(), future: RefCell::new(future) });
        if task.poll().is_pending() {
            self.0.borrow_mut().push(task);
        }
    }

    /// Runs one task that was woken. Returns false if there is none.
    pub fn run_woken(&self) -> bool {
        let woken = self.0.borrow().iter().find(|task| task.flag.0.load(Ordering::Relaxed)).cloned();
        let Some(task) = woken else { return false };
        if task.poll().is_ready() {
            self.0.borrow_mut().retain(|other| !Rc::ptr_eq(other, &task));
        }
        true
    }

    /// Returns the names of the callbacks that have not returned.
    pub fn waiting(&self) -> Vec<&'static str> {
        self.0.borrow().iter().map(|task| task.callback).collect()
    }

    /// Drops all tasks.
    pub fn kill(&self) {
        drop(self.0.take());
    }
}

/// Runs `future` to its end. Calls `go_on` after each poll.
pub(super) fn block_on<T>(future: impl Future<Output = T>, mut go_on: impl FnMut()) -> T {
    let mut future = Box::pin(future);
    let flag = Arc::new(Flag::default());
    loop {
        flag.0.store(false, Ordering::Relaxed);
        let polled = poll("TestRoom::run", future.as_mut(), &flag);
        go_on();
        match polled {
            Poll::Ready(result) => return result,
            Poll::Pending if flag.0.load(Ordering::Relaxed) => {}
            Poll::Pending => panic!(
                "TestRoom::run: the future waits for something that no event so far brings: a client that reads, time, or what \
                 only the runtime has"
            ),
        }
    }
}

/// Polls a future. If it calls JavaScript, which panics outside the runtime, the panic explains that.
fn poll<T>(callback: &str, future: Pin<&mut (impl Future<Output = T> + ?Sized)>, flag: &Arc<Flag>) -> Poll<T> {
    let waker = Waker::from(flag.clone());
    explained(callback, || future.poll(&mut Context::from_waker(&waker)))
}

/// Runs code of the application. If the code calls JavaScript, which panics outside the runtime, the panic explains
/// that.
pub(super) fn explained<T>(callback: &str, code: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => result,
        Err(panic) if is_javascript(&*panic) => panic!(
            "{callback} called something that only the runtime has (Env, fetch, Delay, Date, console_log!, ...): give the handler \
             what it needs of that when you make it"
        ),
        Err(panic) => resume_unwind(panic),
    }
}

/// True if the panic comes from a function that `wasm-bindgen` (0.2.129) imports.
fn is_javascript(panic: &(dyn Any + Send)) -> bool {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.is_some_and(|text| text.contains("on non-wasm"))
}
