//! The way of what was counted: to the object that adds it up, and into a data set of Analytics Engine. Both halves report.

use crate::observe::log;
use futures::future::{Either, select};
use js_sys::futures::JsFuture;
use sockjs_protocol::inner::envelope::{Action, COMMAND_HEADER, Command, METRICS_OBJECT, OTHER_VERSION, Version};
use sockjs_protocol::observe::metrics::{Tally, encode, merge};
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::{AnalyticsEngineDataPointBuilder, Delay, Env, Error, Result, web_sys};

/// Between two reports of one object, and of one isolate.
pub const REPORT_EVERY: Millis = Millis::from_secs(10);

/// An object that panicked never answers (workers-rs 0.8.7).
const LIMIT: Duration = Duration::from_secs(10);

/// Requests to objects need a URL; nobody reads it.
const URL: &str = "https://sockjs-edge.invalid/metrics";

/// The binding of a data set of Analytics Engine. Where it is bound, what is counted is written to it.
pub const ANALYTICS_BINDING: &str = "SOCKJS_ANALYTICS";

/// Counts of earlier reports that failed.
pub type Unsent = Rc<RefCell<Vec<Tally>>>;

/// The receivers of reports: the object that adds them up, and a data set of Analytics Engine.
#[derive(Clone, Copy)]
pub(crate) struct Collector<'a> {
    pub env: &'a Env,
    /// The binding of the object's class.
    pub binding: &'a str,
    /// True if a data set of Analytics Engine is bound.
    pub has_analytics: bool,
}

/// Reports `tallies`, those of services that `is_reported` says to the object that adds up. Reports `unsent` too; if the report
/// fails, all of it becomes `unsent`. A report without an answer may have arrived, and is not repeated.
///
/// # Errors
///
/// If the report failed.
pub(crate) async fn report(
    collector: Collector<'_>,
    mut tallies: Vec<Tally>,
    is_reported: impl Fn(&str) -> bool,
    unsent: &Unsent,
) -> Result<()> {
    if collector.has_analytics
        && let Err(error) = write_points(collector.env, &tallies)
    {
        log::error("analytics", None, error);
    }
    tallies.retain(|tally| is_reported(&tally.service));
    merge(&mut tallies, &unsent.take());
    if tallies.is_empty() {
        return Ok(());
    }
    let problem = match ask(collector, Action::Report, &encode(&tallies)).await {
        Ok(None | Some((204, _))) => return Ok(()),
        Ok(Some((status, text))) => Error::RustError(format!("a report was answered with {status}: {text}")),
        Err(error) => error,
    };
    merge(&mut unsent.borrow_mut(), &tallies);
    Err(problem)
}

/// Returns the sum of all reports, as Prometheus reads it.
///
/// # Errors
///
/// If the object that adds up does not answer.
pub(crate) async fn totals(collector: Collector<'_>) -> Result<String> {
    match ask(collector, Action::Metrics, "").await? {
        Some((200, text)) => Ok(text),
        Some((status, text)) => Err(Error::RustError(format!("{status}: {text}"))),
        None => Err(Error::RustError("no answer in time".into())),
    }
}

/// Asks the object that adds up; none if it does not answer in time.
async fn ask(collector: Collector<'_>, action: Action, body: &str) -> Result<Option<(u16, String)>> {
    let command = Command::new("", action);
    let encode = |version| command.encode(version).map_err(|error| Error::RustError(error.to_string()));
    let current = encode(Version::CURRENT)?.unwrap_or_default();
    let answer = ask_once(collector, &current, body).await?;
    let other = match &answer {
        Some((OTHER_VERSION, versions)) => Version::CURRENT.after_refusal(versions.as_bytes()),
        _ => None,
    };
    match other.map(encode).transpose()?.flatten() {
        Some(command) => ask_once(collector, &command, body).await,
        None => Ok(answer),
    }
}

async fn ask_once(collector: Collector<'_>, command: &str, body: &str) -> Result<Option<(u16, String)>> {
    let headers = web_sys::Headers::new()?;
    headers.set(COMMAND_HEADER, command)?;
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    let request = web_sys::Request::new_with_str_and_init(URL, &init)?;
    let stub =
        collector.env.durable_object(collector.binding)?.get_by_name(METRICS_OBJECT)?.into_rpc::<DurableObject>();
    let answer = async {
        let response: web_sys::Response = JsFuture::from(stub.fetch_with_request(&request)?).await?.dyn_into()?;
        let text = JsFuture::from(response.text()?).await?;
        Ok((response.status(), text.as_string().unwrap_or_default()))
    };
    match select(pin!(answer), pin!(Delay::from(LIMIT))).await {
        Either::Left((answer, _)) => answer.map(Some),
        Either::Right(_) => Ok(None),
    }
}

/// One data point for each service and transport, and one for each close code and reason of a refusal.
fn write_points(env: &Env, tallies: &[Tally]) -> Result<()> {
    let dataset = env.analytics_engine(ANALYTICS_BINDING)?;
    for tally in tallies {
        let write = |kind: &str, label: &str, numbers: &[u64]| {
            let transport = tally.transport.map_or("", |transport| transport.name());
            let point = AnalyticsEngineDataPointBuilder::new()
                .indexes([tally.service.as_str()])
                .blobs([tally.service.as_str(), transport, kind, label])
                .doubles(numbers.iter().map(|number| *number as f64))
                .build();
            dataset.write_data_point(&point)
        };
        let counts = &tally.counts;
        let (received, sent) = (counts.received, counts.sent);
        if tally.transport.is_some() {
            let numbers =
                [counts.opened, received.messages, received.bytes, sent.messages, sent.bytes, counts.queue_high_water];
            write("traffic", "", &numbers)?;
        }
        for (code, count) in &counts.closed {
            write("closed", &code.to_string(), &[*count])?;
        }
        for (reason, count) in &counts.refused {
            write("refused", reason.name(), &[*count])?;
        }
    }
    Ok(())
}
