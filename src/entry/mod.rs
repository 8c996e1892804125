//! The entry of a request: from the runtime's fetch event to the folder that answers it.
//!
//! `dispatch` finds the service and endpoint, has the client admitted, and calls the module that answers. `fetch_event` has the
//! code that `export!` exports. The public items except [`serve`] and [`Serve`] are for the macro and for this project's own
//! server.

mod dispatch;
mod fetch_event;

pub use crate::http::headers::Header;
pub use dispatch::{Serve, serve};
pub use fetch_event::{Unserved, answered, fetch, for_a_year, not_found, nothing};
pub use sockjs_durable::text_of;
