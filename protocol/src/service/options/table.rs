//! The one table of options: a row is an option's field, default, setter, and name in a variable.

use super::value::{Value, Wrong};
use super::{Durability, LogLevel, Placement, SOCKJS_URL};
use crate::sockjs::transport::Transport;
use crate::time::Millis;
use std::convert::identity;

/// An option by its name.
#[derive(Debug, Clone, Copy)]
pub struct NamedOption {
    /// As in [`Config`].
    pub name: &'static str,
    set: fn(&mut Config, &str) -> Result<(), Wrong>,
    show: fn(&Config) -> String,
}

impl NamedOption {
    /// Sets the option of `config` to what `text` says.
    ///
    /// # Errors
    ///
    /// What `text` must be and is not, such as "a whole number of milliseconds". Whether the value can be served is for
    /// [`Config::check`].
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), &'static str> {
        (self.set)(config, text.trim()).map_err(|Wrong(expected)| expected)
    }

    /// The option of `config` as a text that [`NamedOption::set`] reads.
    pub fn show(&self, config: &Config) -> String {
        (self.show)(config)
    }
}

/// `name: type = default, type that the setter takes => conversion to the field's;`
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $given:ty => $convert:expr;)*) => {
        /// The options of one service. Every setter can be chained.
        ///
        /// ```
        /// use sockjs_protocol::service::options::{Config, Placement};
        /// use sockjs_protocol::time::Millis;
        ///
        /// let config = Config::new("/chat/{room}")
        ///     .placement(Placement::Room)
        ///     .heartbeat_delay(Millis::from_secs(20))
        ///     .allowed_origins(["https://example.com"]);
        /// assert_eq!(config.check(), Ok(()));
        /// ```
        ///
        /// [`Config::check`] reports a bad value. `serve` and the Durable Object call it before they answer anything.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Config {
            /// Where the service lives, such as `/echo`. Empty for the root. It may have parameters, each a segment, such as
            /// `/chat/{room}`.
            pub prefix: String,
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Config {
            /// The service at `prefix`, such as `/echo`, with the defaults.
            pub fn new(prefix: impl Into<String>) -> Self {
                let mut prefix = prefix.into();
                if prefix.ends_with('/') {
                    prefix.pop();
                }
                Self { prefix, $($name: $default,)* }
            }

            $(
                #[doc = concat!("Sets [`Config::", stringify!($name), "`].")]
                pub fn $name(mut self, $name: $given) -> Self {
                    self.$name = $convert($name);
                    self
                }
            )*
        }

        /// Every option but the prefix.
        pub const OPTIONS: &[NamedOption] = &[$(NamedOption {
            name: stringify!($name),
            set: |config, text| {
                config.$name = Value::read(text)?;
                Ok(())
            },
            show: |config| config.$name.show(),
        },)*];
    };
}

options! {
    /// Where the iframe page loads the client from; it has to be exactly the version of the page around it. A path is one
    /// of this host. Default: the version that this server is tested with, from a public host ([`SOCKJS_URL`]).
    sockjs_url: String = SOCKJS_URL.into(), impl Into<String> => Into::into;
    /// The transports that are offered; the others' URLs are answered with 404, and `/info` leaves them out. Default: all.
    transports: Vec<Transport> = Transport::ALL.into(), impl IntoIterator<Item = Transport> => Vec::from_iter;
    /// Whether WebSockets are offered, framed and raw, if `transports` has them. Default true.
    websocket: bool = true, bool => identity;
    /// The WebSocket subprotocols that the service speaks, the best one first. Of those that a client offers the first of
    /// these is selected; a browser fails a connection of which none was. Default none.
    websocket_protocols: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// Whether every response of a session sets the cookie `JSESSIONID`, for load balancers in front that want one.
    /// Default false.
    jsessionid: bool = false, bool => identity;
    /// Whether other origins are left without CORS headers and iframe pages. Default false.
    disable_cors: bool = false, bool => identity;
    /// URL that clients use for everything after `/info`, instead of the one that they know. Default none.
    base_url: Option<String> = None, impl Into<String> => some;
    /// Bytes after which a streaming response is ended, so that no client has to keep more. The prelude does not count.
    /// Default 128 KiB.
    response_limit: usize = 128 << 10, usize => identity;
    /// Silence after which a waiting receiver gets a heartbeat. Default 25 s; below 35 s while `jsonp-polling` is offered,
    /// since its stock receiver gives up then.
    heartbeat_delay: Millis = Millis::from_secs(25), impl Into<Millis> => Into::into;
    /// The same for WebSockets. Default: as `heartbeat_delay`.
    websocket_heartbeat_delay: Option<Millis> = None, impl Into<Millis> => some;
    /// Time without a receiver after which an HTTP session is closed. Default 5 s.
    disconnect_delay: Millis = Millis::from_secs(5), impl Into<Millis> => Into::into;
    /// Age at which a streaming response is ended, so that a client that is silently gone is noticed; a heartbeat in the last
    /// half `heartbeat_delay` before ends it instead. Default 10 min.
    receiver_max_age: Millis = Millis::from_secs(600), impl Into<Millis> => Into::into;
    /// How long a poll is held by the object itself before it is held by the Worker. Default 50 ms, at most 100 ms.
    grace: Millis = Millis(50), impl Into<Millis> => Into::into;
    /// How long a message may wait for a receiver in memory alone. Default 250 ms, below 1 s.
    persist_after: Millis = Millis(250), impl Into<Millis> => Into::into;
    /// Which connections share an object. Default [`Placement::Session`].
    placement: Placement = Placement::Session, Placement => identity;
    /// The jurisdiction that objects run and are stored in, such as `eu`. Objects do not move: another one drops the sessions
    /// that are open, and what is stored of a room. `wrangler dev` knows none. Default: any.
    jurisdiction: Option<String> = None, impl Into<String> => some;
    /// Where a new object is placed, such as `weur`, if there is room. Default: near the first request for it.
    location_hint: Option<String> = None, impl Into<String> => some;
    /// What "delivered" means for HTTP sessions. Default [`Durability::Default`].
    durability: Durability = Durability::Default, Durability => identity;
    /// The origins whose pages may connect: `https://example.com`, `https://*.example.com` for its subdomains, `null` for
    /// sandboxed pages and files, `*` for any. The Worker's own always may, and so may clients that name none. Default: any.
    allowed_origins: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// Whether `/info` gives out tickets, without one of which nobody but a page of the Worker's own origin connects. Their keys are
    /// a secret of the Worker: see `Services::ticket_keys`. Default false.
    tickets: bool = false, bool => identity;
    /// How long a ticket opens connections. Default 5 min.
    ticket_lifetime: Millis = Millis::from_secs(300), impl Into<Millis> => Into::into;
    /// How long the session that a ticket opened may go on with it. Default a day.
    ticket_max_age: Millis = Millis::from_secs(86_400), impl Into<Millis> => Into::into;
    /// Largest body of a send, or message of a WebSocket, in bytes: stock clients join their whole backlog into one body.
    /// Default 8 MiB; beyond, the session is closed with 1009, and the send answered with 413.
    body_limit: usize = 8 << 20, usize => identity;
    /// Largest message from a client, in bytes as the application gets it. Default 512 KiB; beyond as `body_limit`. What may
    /// come in can be sent back: `queue_limit` is at least twice as large.
    message_limit: usize = 512 << 10, usize => identity;
    /// Bytes of messages from one client that wait for its handler, 64 added for each body or WebSocket message. Default
    /// 8 MiB. A send over HTTP that does not fit is held; a WebSocket is closed with 1013.
    inbox_limit: usize = 8 << 20, usize => identity;
    /// Longest time for which a send over HTTP is held because earlier messages still wait for the handler. Default 55 s, since
    /// many proxies give up at 60 s. Then the session is closed with 1013, and the send answered with 503.
    send_timeout: Millis = Millis::from_secs(55), impl Into<Millis> => Into::into;
    /// Time for which a client may take nothing of what waits for it. Default 30 s; then its connection is closed with 1013. A
    /// response counts each piece of less than 80 KiB as progress; a WebSocket counts whole messages, and has a second more for
    /// each 8 KiB of the largest.
    stall_timeout: Millis = Millis::from_secs(30), impl Into<Millis> => Into::into;
    /// Most messages in one send, or in one WebSocket message; beyond as `body_limit`. Stock clients send all that they have
    /// in one. Default: as many as fit.
    messages_per_body: Option<u32> = None, u32 => Some;
    /// Messages that a client may send in a second, and at once; closed with 1008 beyond. Default: any number.
    message_rate: Option<u32> = None, u32 => Some;
    /// Time within which a client has to send its first message, or is closed with 1008. Costs one written row for each
    /// session over HTTP. Default: it need not.
    first_message_timeout: Option<Millis> = None, impl Into<Millis> => some;
    /// Connections that one object may have; another is closed with 1013 or refused with 503. Default: any number.
    connections_per_object: Option<u32> = None, u32 => Some;
    /// Name of a rate-limiting binding that counts the connections that one client's address opens; 429 beyond. Default none.
    address_limiter: Option<String> = None, impl Into<String> => some;
    /// Which events are logged. Default [`LogLevel::Warn`].
    log: LogLevel = LogLevel::Warn, LogLevel => identity;
    /// Whether what is counted is reported to one object of the Worker, where `Metrics` reads it: at most once in ten seconds
    /// by each object and each isolate that has something to report, and when an object's last session ends. Default false.
    metrics: bool = false, bool => identity;
    /// Bytes waiting for one client, as the application sent them; at least twice `message_limit`. While more than half of
    /// them wait, the client's next message waits for its handler. Default 1 MiB; a `send` beyond is refused.
    queue_limit: usize = 1 << 20, usize => identity;
    /// Bytes of memory that everything waiting for the clients of one object may take; what goes to several of them counts once.
    /// Above half of it, what waits for clients over HTTP is kept in rows of storage alone, and the next message of a client
    /// waits for its handler until nothing waits for that client, as does whatever broadcasts to the room. Where that does not
    /// help within seconds, the client for which most is in memory is closed with 1013. Default 48 MiB.
    object_queue_limit: usize = 48 << 20, usize => identity;
    /// Time in any minute for which one member of a room that reads slowly may hold up the others; all members together may for
    /// three times that. Then the room goes on, and the member is closed with 1013 if more than `queue_limit` waits for it. Default
    /// 5 s, at most 20 s; 0 for never.
    room_patience: Millis = Millis::from_secs(5), impl Into<Millis> => Into::into;
    /// Bytes of a WebSocket frame that joins several messages: common clients close the connection at frames of 8 KiB (Tomcat)
    /// or 32 KiB (Go). A single larger message goes alone. Default 4 KiB.
    frame_limit: usize = 4 << 10, usize => identity;
}

impl Config {
    /// Whether clients may use `transport`.
    pub fn offers(&self, transport: Transport) -> bool {
        self.transports.contains(&transport) && (self.websocket || !transport.is_websocket())
    }
}

fn some<T>(value: impl Into<T>) -> Option<T> {
    Some(value.into())
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}
