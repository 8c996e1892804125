//! `/doorman`: decides by the request's headers, and tells its clients what it said about them.

use serde_json::json;
use sockjs_edge::{Admission, Connection, Handler, Rejection, RequestInfo};
use worker::{Env, Result};

pub(crate) struct Doorman;

impl Handler for Doorman {
    async fn on_request(request: &RequestInfo<'_>, _: &Env) -> Admission {
        if request.header("x-reject").is_some() {
            let rejection = Rejection::new(401, "who are you?").header("WWW-Authenticate", "Basic realm=\"doorman\"");
            return Admission::Reject(rejection.header("Retry-After", "7").header("not a header", "x"));
        }
        match (request.cookie("user"), request.header("authorization")) {
            (Some(user), authorization) => Admission::AdmitAs(json!({
                "user": user,
                "authorization": authorization,
                "method": request.method(),
                "kind": format!("{:?}", request.kind()),
                "transport": request.transport().map(|transport| transport.name()),
                "cf": request.cf().is_some(),
            })),
            _ => Admission::Undecided,
        }
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let told = match &*message {
            "claims" => connection.claims().to_string(),
            "query" => connection.query().to_owned(),
            "address" => connection.address().unwrap_or_default(),
            name => connection.header(name).unwrap_or_default().to_owned(),
        };
        Ok(connection.send(told)?)
    }
}
