//! Admission by the application: it is asked in the Worker, before an object is touched.

/// The application's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Leaves the decision to the service's options: the default of [`Handler::on_request`](crate::Handler::on_request). The
    /// request goes on, but with `tickets` and a list of origins `/info` issues no ticket to a client that names no origin.
    Undecided,
    /// Lets the request in.
    Admit,
    /// Lets the request in. If it opens a connection, that keeps this: see
    /// [`Connection::claims`](crate::Connection::claims). At most 1 KiB of JSON; beyond, the client is answered 500. A float may
    /// change in its last bit on the way.
    AdmitAs(serde_json::Value),
    /// Answers the request. No object is asked.
    Reject(Rejection),
}

/// The answer to a client that is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    text: String,
    headers: Vec<(String, String)>,
}

impl Rejection {
    /// A rejection with a status from 400 to 599 (403 for any other), and a text.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        let status = if (400..600).contains(&status) { status } else { 403 };
        Self { status, text: text.into(), headers: Vec::new() }
    }

    /// Adds a header, such as `Retry-After` or `WWW-Authenticate`. One that HTTP does not allow is logged and left out.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Status, text and headers.
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
