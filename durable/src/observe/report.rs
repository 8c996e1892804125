//! The way of what was counted: to the object that adds it up, and into a data set of Analytics Engine. Both halves report.

use crate::observe::log;
use crate::peers::object_address::{AskError, ObjectAddress};
use sockjs_protocol::inner::envelope::{Action, Command, METRICS_OBJECT};
use sockjs_protocol::observe::metrics::{Tally, UpstreamCounts, encode, merge};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::{AnalyticsEngineDataPointBuilder, Env, Error, Result};

/// Between two reports of one object, and of one isolate.
pub const REPORT_EVERY: Millis = Millis::from_secs(10);

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
        Ok((204, _)) | Err(AskError::TimedOut { .. }) => return Ok(()),
        Ok((status, text)) => Error::RustError(format!("a report was answered with {status}: {text}")),
        Err(error) => failed(&error),
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
    match ask(collector, Action::Metrics, "").await.map_err(|error| failed(&error))? {
        (200, text) => Ok(text),
        (status, text) => Err(Error::RustError(format!("{status}: {text}"))),
    }
}

/// Asks the object that adds up.
async fn ask(collector: Collector<'_>, action: Action, body: &str) -> std::result::Result<(u16, String), AskError> {
    let namespace = collector.env.durable_object(collector.binding);
    let namespace = namespace.map_err(|error| AskError::NotTaken(error.to_string()))?;
    let object = ObjectAddress::named(namespace, METRICS_OBJECT.to_owned(), &Config::new(""));
    object.ask(&Command::new("", action), &JsValue::from_str(body)).await
}

fn failed(error: &AskError) -> Error {
    Error::RustError(error.to_string())
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
        let upstream = &counts.upstream;
        if *upstream != UpstreamCounts::default() {
            write("upstream", "", &[upstream.piped, upstream.attempts, upstream.failures])?;
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
