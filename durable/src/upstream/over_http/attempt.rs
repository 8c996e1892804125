//! One attempt to send a request to the upstream.

use crate::js::clock::now;
use crate::observe::log;
use crate::upstream::binding::service_binding;
use crate::upstream::gateway::{count, random};
use crate::upstream::over_http::link::Link;
use crate::upstream::over_http::request::{EventRequest, Received, Unanswered};
use sockjs_protocol::observe::metrics::UpstreamCounts;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breaker::{Outcome, Permit};
use sockjs_protocol::upstream::claims::{self, CLAIMS_HEADER};
use sockjs_protocol::upstream::close::Refusal;
use sockjs_protocol::upstream::events::EVENTS;
use sockjs_protocol::upstream::grip::token::{SIGNATURE_HEADER, sign};
use sockjs_protocol::upstream::over_http::queue::EventBody;
use sockjs_protocol::upstream::over_http::retry::{EVENT_HEADER, UpstreamDelivery};

impl Link {
    /// Sends one request.
    pub(super) async fn attempt(&self, body: &EventBody) -> Result<Received, Failure> {
        let config = &self.shared.config;
        let refused = |refusal| Failure::Refused(refusal, None);
        let Some(upstream) = &config.upstream else { return Err(refused(Refusal::Unreachable)) };
        let Some(url) = upstream.url(self.connection.parameters()) else { return Err(refused(Refusal::Status(404))) };
        let Some(service) = service_binding(upstream, &config.prefix, &self.shared.env) else {
            return Err(refused(Refusal::Unreachable));
        };
        let mut place = self.shared.requests.take_unlimited(1);
        place.turn().await;
        let permit = match self.is_accepted.get() {
            true => self.shared.breakers.borrow_mut().ask_again(&url, now(), random()),
            false => self.shared.breakers.borrow_mut().ask(&url, now(), random()),
        };
        let is_allowed = !matches!(permit, Permit::Refuse { .. });
        let counts = UpstreamCounts::asked(self.shared.breakers.borrow().state(&url), is_allowed);
        count(&self.connection, &counts);
        let attempt = match permit {
            Permit::Ask(attempt) | Permit::Probe(attempt) => attempt,
            Permit::Refuse { after } => return Err(Failure::Refused(Refusal::Paused, Some(after))),
        };
        let headers = self.headers(body);
        let request = EventRequest {
            service: &service,
            url: &url,
            headers: &headers,
            body: &body.bytes,
            // At most a minute.
            timeout_ms: config.upstream_timeout.0 as f64,
            limit: config.inbox_limit,
        };
        let answer = request.send().await;
        let outcome = match &answer {
            Ok(Received { status, .. }) => Some(Outcome::of_status(*status)),
            Err(Unanswered::Failed(refusal, _)) => Outcome::of_refusal(*refusal),
            Err(Unanswered::TooLarge) => Some(Outcome::Success),
        };
        if let Some(outcome) = outcome {
            self.shared.breakers.borrow_mut().report(now(), attempt, outcome, random());
            let counts = UpstreamCounts::ended(self.shared.breakers.borrow().state(&url), outcome);
            count(&self.connection, &counts);
        }
        answer.map_err(|unanswered| match unanswered {
            Unanswered::TooLarge => Failure::TooLarge,
            Unanswered::Failed(refusal, detail) => {
                if !detail.is_empty() {
                    log::warn("upstream", Some(&config.prefix), format!("{}: {detail}", refusal.reason()));
                }
                refused(refusal)
            }
        })
    }

    /// Returns the headers of a request.
    fn headers(&self, body: &EventBody) -> Vec<(String, String)> {
        let state = self.state.borrow();
        let mut headers = state.headers.clone();
        headers.extend(state.meta.iter().map(|(name, value)| (format!("Meta-{name}"), value.clone())));
        let mut add = |name: &str, value: String| headers.push((name.into(), value));
        add("Content-Type", EVENTS.into());
        add("Accept", EVENTS.into());
        add("Connection-Id", self.connection.id().to_owned());
        add("Sec-WebSocket-Extensions", "grip".into());
        if self.shared.config.upstream_delivery == UpstreamDelivery::AtLeastOnce {
            add(EVENT_HEADER, body.first.to_string());
        }
        let (id, now) = (self.connection.id(), now());
        if let Some(token) = sign(&self.shared.key, id, &body.bytes, now) {
            add(SIGNATURE_HEADER, token);
        }
        let claims = self.connection.entry.info.claims.as_ref();
        if let Some(token) = claims::sign(&self.shared.claims_secret, id, claims, now) {
            add(CLAIMS_HEADER, token);
        }
        headers
    }
}

/// Reason why an attempt has no response.
pub(super) enum Failure {
    /// With the time after which the circuit breaker allows another one, if it refused this one.
    Refused(Refusal, Option<Millis>),
    /// The response is larger than it may be.
    TooLarge,
}
