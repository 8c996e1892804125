//! The destination of a client's request: its service, its place, and the object that serves it.

use crate::Config;
use crate::admission::address::SeenSession;
use crate::http::place::Place;
use crate::metrics::Refusals;
use crate::object::stub::ObjectStub;
use sockjs_protocol::inner::envelope::Pass;

/// The object that serves a client, and the service whose settings apply.
pub(crate) struct Destination<'a> {
    pub config: &'a Config,
    pub place: &'a Place,
    /// The admission of the client, for the object.
    pub pass: Option<Pass>,
    /// Origins that may frame the response, for Content-Security-Policy.
    pub frame_ancestors: Option<String>,
    pub refusals: Refusals,
    /// The session, if `address_limiter` did not count the request because the id was seen before.
    pub seen: Option<SeenSession>,
    pub object: ObjectStub,
    /// The client's address, if its headers do not have it.
    pub address: Option<String>,
    /// True if a trusted proxy passed on the request.
    pub is_proxied: bool,
    /// The secret that signs claims for an upstream. Empty if there is none.
    pub upstream_secret: &'a str,
}
