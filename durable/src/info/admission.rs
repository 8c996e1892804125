//! The decision of an application whether a request may reach a session.

/// The decision of an application about a request.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// use sockjs_edge::{Admission, Connection, Handler, Rejection, RequestInfo};
///
/// struct Members;
///
/// impl Handler for Members {
///     async fn on_request(request: &RequestInfo<'_>, env: &worker::Env) -> Admission {
///         match (request.cookie("user"), env.var("CLOSED")) {
///             (_, Ok(_)) => Admission::Reject(Rejection::new(503, "closed").header("Retry-After", "3600")),
///             (Some(user), _) => Admission::AdmitAs(user.into()),
///             (None, _) => Admission::Reject(Rejection::new(401, "log in first")),
///         }
///     }
///
///     async fn on_message(&self, connection: &Connection, message: String) -> worker::Result<()> {
///         let user = connection.claims().as_str().unwrap_or_default();
///         connection.room().broadcast(format!("{user}: {message}"));
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Leaves the decision to the service's options: the default of [`Handler::on_request`](crate::Handler::on_request). The
    /// request continues, but with `tickets` and a list of origins, `/info` issues no ticket to a client without an origin.
    Undecided,
    /// Admits the request.
    Admit,
    /// Admits the request with claims. A connection that it opens keeps them: see
    /// [`Connection::claims`](crate::Connection::claims). The limit is 1 KiB of JSON; larger claims are answered with 500. The
    /// last bit of a float may change in transit.
    AdmitAs(serde_json::Value),
    /// Rejects the request. No object is involved.
    Reject(Rejection),
}

/// The response to a rejected request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    text: String,
    headers: Vec<(String, String)>,
}

impl Rejection {
    /// Creates a rejection with a status from 400 to 599 (any other becomes 403) and a body.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        let status = if (400..600).contains(&status) { status } else { 403 };
        Self { status, text: text.into(), headers: Vec::new() }
    }

    /// Adds a header, such as `Retry-After` or `WWW-Authenticate`. A header that HTTP does not allow is logged and omitted.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns status, body and headers.
    #[doc(hidden)]
    pub fn into_parts(self) -> (u16, String, Vec<(String, String)>) {
        (self.status, self.text, self.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_has_the_status_of_an_error() {
        for (status, answered) in [(401, 401), (599, 599), (200, 403), (302, 403), (0, 403)] {
            assert_eq!(Rejection::new(status, "no").into_parts().0, answered);
        }
        let (_, text, headers) = Rejection::new(429, "later").header("Retry-After", "5").into_parts();
        assert_eq!((text.as_str(), headers), ("later", vec![("Retry-After".to_owned(), "5".to_owned())]));
    }
}
