//! The services that every SockJS test server offers.

pub(crate) mod amplify;
pub(crate) mod broadcast;
pub(crate) mod close;
pub(crate) mod echo;
pub(crate) mod ticker;
