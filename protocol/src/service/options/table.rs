//! The table of options. Each row defines an option's field, default, setter, and name in a variable.

use super::value::{Value, Wrong};
use super::{Durability, Heartbeats, Liveness, LogLevel, Placement, SOCKJS_URL, WebSocketHolder};
use crate::sockjs::transport::Transport;
use crate::time::Millis;
use crate::upstream::address::Upstream;
use crate::upstream::opening::UpstreamOpen;
use crate::upstream::over_http::retry::UpstreamDelivery;
use std::convert::identity;

/// An option, addressed by its name.
#[derive(Debug, Clone, Copy)]
pub struct NamedOption {
    /// Name of the option's field in [`Config`].
    pub name: &'static str,
    set: fn(&mut Config, &str) -> Result<(), Wrong>,
    show: fn(&Config) -> String,
}

impl NamedOption {
    /// Sets the option of `config` to the value that `text` represents.
    ///
    /// # Errors
    ///
    /// Returns the expected form if `text` does not have it, such as "a whole number of milliseconds".
    /// [`Config::check`] decides whether the value is valid.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), &'static str> {
        (self.set)(config, text.trim()).map_err(|Wrong(expected)| expected)
    }

    /// Returns the option of `config` as a string that [`NamedOption::set`] reads.
    pub fn show(&self, config: &Config) -> String {
        (self.show)(config)
    }
}

/// Defines options, each as `name: type = default, type that the setter takes => conversion to the field's;`.
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
        /// [`Config::check`] reports an invalid value. `serve` and the Durable Object call it before they answer any
        /// request.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Config {
            /// Path of the service, such as `/echo`. Empty for the root. A segment may be a parameter, as in
            /// `/chat/{room}`.
            pub prefix: String,
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Config {
            /// Returns the options of a service at `prefix`, such as `/echo`, with their defaults.
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

        /// Every option except the prefix.
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
    /// URL from which the iframe page loads the client. The client must have exactly the version of the page around the
    /// iframe. A path refers to this host. Default: the version that this server is tested with, from a public host
    /// ([`SOCKJS_URL`]).
    sockjs_url: String = SOCKJS_URL.into(), impl Into<String> => Into::into;
    /// Transports that are offered. The URLs of other transports are answered with 404, and `/info` leaves these
    /// transports out. Default: all.
    transports: Vec<Transport> = Transport::ALL.into(), impl IntoIterator<Item = Transport> => Vec::from_iter;
    /// True if the WebSocket transports in `transports`, framed and raw, are offered. Default: true.
    websocket: bool = true, bool => identity;
    /// WebSocket subprotocols that the service speaks, the preferred one first. The first of them that the client
    /// offers is selected. If none is, a browser that offered some fails the connection. Default: empty.
    websocket_protocols: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// Holder of the clients' WebSockets. Default: [`WebSocketHolder::Object`].
    websocket_holder: WebSocketHolder = WebSocketHolder::Object, WebSocketHolder => identity;
    /// Longest time for which a WebSocket that the Worker holds continues without its object, and for which the object keeps
    /// its connection. Then the WebSocket is closed with 1012. Default: 30 s.
    reattach_timeout: Millis = Millis::from_secs(30), impl Into<Millis> => Into::into;
    /// True if every response of a session sets the cookie `JSESSIONID`, for load balancers that require it. Default:
    /// false.
    jsessionid: bool = false, bool => identity;
    /// True if other origins get no CORS headers and no iframe pages. Default: false.
    disable_cors: bool = false, bool => identity;
    /// URL that clients use for everything after `/info`, instead of the URL that they already have. Default: `None`.
    base_url: Option<String> = None, impl Into<String> => some;
    /// Bytes after which a streaming response is ended, so that no client has to keep more. The prelude does not count.
    /// Default: 128 KiB.
    response_limit: usize = 128 << 10, usize => identity;
    /// Clock of the heartbeats of sessions over HTTP, and of WebSockets that the Worker holds. Default: [`Heartbeats::Alarm`].
    heartbeats: Heartbeats = Heartbeats::Alarm, Heartbeats => identity;
    /// Silence after which a waiting receiver gets a heartbeat. Default: 25 s. Below 35 s while `jsonp-polling` is
    /// offered, since its stock receiver gives up a poll then.
    heartbeat_delay: Millis = Millis::from_secs(25), impl Into<Millis> => Into::into;
    /// Silence after which a WebSocket gets a heartbeat. Default: the value of `heartbeat_delay`.
    websocket_heartbeat_delay: Option<Millis> = None, impl Into<Millis> => some;
    /// Message by which the client of a WebSocket shows that it is alive. It never reaches the application. A client that has
    /// sent it once, and then gave no sign of life for `silence_timeout`, is closed with 3000. Default: `None`.
    liveness: Option<Liveness> = None, impl Into<Liveness> => some;
    /// Time without a sign of life after which the client of a WebSocket counts as silent, with `liveness`. Background
    /// tabs may be allowed one timer a minute. Default: 90 s.
    silence_timeout: Millis = Millis::from_secs(90), impl Into<Millis> => Into::into;
    /// True if clients that never sent the message of `liveness` are closed when they are silent, too. Default: false.
    liveness_required: bool = false, bool => identity;
    /// Time without a receiver after which an HTTP session is closed. Default: 5 s.
    disconnect_delay: Millis = Millis::from_secs(5), impl Into<Millis> => Into::into;
    /// Age at which a streaming response is ended, so that the loss of a client is noticed. If a heartbeat is due at
    /// most half a `heartbeat_delay` before that, the response ends with the heartbeat instead. Default: 10 min, and a
    /// day with [`Heartbeats::Worker`], where a failed heartbeat shows that the client is gone.
    receiver_max_age: Option<Millis> = None, impl Into<Millis> => some;
    /// Time for which the object itself holds a poll before it hands the poll to the Worker. Default: 50 ms, at most
    /// 100 ms.
    grace: Millis = Millis(50), impl Into<Millis> => Into::into;
    /// Longest time for which a message waits for a receiver in memory alone. Default: 250 ms, below 1 s.
    persist_after: Millis = Millis(250), impl Into<Millis> => Into::into;
    /// Connections that share an object. Default: [`Placement::Session`].
    placement: Placement = Placement::Session, Placement => identity;
    /// Jurisdiction in which objects run and are stored, such as `eu`. Objects do not move: a change of this option
    /// drops the open sessions and the stored data of rooms. `wrangler dev` supports no jurisdiction. Default: any.
    jurisdiction: Option<String> = None, impl Into<String> => some;
    /// Region in which a new object is placed if there is room, such as `weur`. Default: near the first request for the
    /// object.
    location_hint: Option<String> = None, impl Into<String> => some;
    /// Longest time for which a request to an object waits for its response. Default: 10 s. In a cluster of machines it must be
    /// longer than the 20 s for which a killed machine still owns its objects.
    object_timeout: Millis = Millis::from_secs(10), impl Into<Millis> => Into::into;
    /// Meaning of "delivered" for sessions over HTTP and WebSockets that the Worker holds. Default: [`Durability::Default`].
    durability: Durability = Durability::Default, Durability => identity;
    /// Origins whose pages may connect: `https://example.com`, `https://*.example.com` for its subdomains, `null` for
    /// sandboxed pages and files, `*` for any. Pages of the Worker's own origin may always connect, and so may clients
    /// that send no origin. Default: any.
    allowed_origins: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// True if `/info` issues tickets. Without a ticket, only pages of the Worker's own origin can connect. The keys of
    /// the tickets are a secret of the Worker: see `Services::ticket_keys`. Default: false.
    tickets: bool = false, bool => identity;
    /// Time for which a ticket opens connections. Default: 5 min.
    ticket_lifetime: Millis = Millis::from_secs(300), impl Into<Millis> => Into::into;
    /// Age up to which a ticket is valid for the session that it opened. Default: a day.
    ticket_max_age: Millis = Millis::from_secs(86_400), impl Into<Millis> => Into::into;
    /// Largest body of a send, or message of a WebSocket, in bytes. Stock clients join their whole backlog into one
    /// body. Above the limit, the session is closed with 1009, and the send answered with 413. Default: 8 MiB.
    body_limit: usize = 8 << 20, usize => identity;
    /// Largest message from a client, in bytes as the application gets it. Larger messages have the same effect as with
    /// `body_limit`. `queue_limit` is at least twice as large, so that a received message can be sent back. Default:
    /// 512 KiB.
    message_limit: usize = 512 << 10, usize => identity;
    /// Most bytes of messages from one client that wait for its handler. Each body or WebSocket message counts 64 bytes
    /// more. A send over HTTP that does not fit is held; a WebSocket is closed with 1013. Default: 8 MiB.
    inbox_limit: usize = 8 << 20, usize => identity;
    /// Longest time for which a send over HTTP is held because earlier messages still wait for the handler. Then the
    /// session is closed with 1013, and the send answered with 503. Default: 55 s, since many proxies give up at 60 s.
    send_timeout: Millis = Millis::from_secs(55), impl Into<Millis> => Into::into;
    /// Longest time for which a client may read nothing although something waits for it. Then its connection is closed
    /// with 1013. In a response, each piece of less than 80 KiB counts as progress. On a WebSocket, only whole messages
    /// count, and the time is a second longer for each 8 KiB of the largest one. Default: 30 s.
    stall_timeout: Millis = Millis::from_secs(30), impl Into<Millis> => Into::into;
    /// Most messages in one send, or in one WebSocket message. More have the same effect as with `body_limit`. Stock
    /// clients send their whole backlog at once. Default: as many as fit.
    messages_per_body: Option<u32> = None, u32 => Some;
    /// Most messages that a client may send in a second, or at once. Above the limit, its connection is closed with
    /// 1008. Default: any number.
    message_rate: Option<u32> = None, u32 => Some;
    /// Time within which a client has to send its first message. Otherwise its connection is closed with 1008. The
    /// option costs one written row for each session over HTTP. Default: unlimited.
    first_message_timeout: Option<Millis> = None, impl Into<Millis> => some;
    /// Most connections that one object may have. A further connection is closed with 1013 or refused with 503.
    /// Default: any number.
    connections_per_object: Option<u32> = None, u32 => Some;
    /// Name of a rate-limiting binding that counts the connections that one client's address opens. Above its limit,
    /// requests are answered with 429. Default: `None`.
    address_limiter: Option<String> = None, impl Into<String> => some;
    /// Proxies in front of `workerd` that may send the client's address: addresses or networks, such as `10.0.0.0/8`. Without
    /// them the address is the other end of the TCP connection. On Cloudflare, which sends the address in its own header, the
    /// option has no effect. Default: none.
    trusted_proxies: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// Header in which `trusted_proxies` send the client's address. Each proxy appends the address of its peer; the last address
    /// that does not belong to a trusted proxy counts. Default: `X-Forwarded-For`.
    client_address_header: String = "X-Forwarded-For".into(), impl Into<String> => Into::into;
    /// Level of the events that are logged. Default: [`LogLevel::Warn`].
    log: LogLevel = LogLevel::Warn, LogLevel => identity;
    /// True if counts are reported to one object of the Worker, where `Metrics` reads them. Each object and each
    /// isolate that has something to report does so at most once in ten seconds, and an object also when its last
    /// session ends. Default: false.
    metrics: bool = false, bool => identity;
    /// Most bytes that wait for one client, as the application sent them; at least twice `message_limit`. While more
    /// than half of them wait, the client's next message waits for its handler. A `send` above the limit is refused.
    /// Default: 1 MiB.
    queue_limit: usize = 1 << 20, usize => identity;
    /// Most bytes of memory for everything that waits for the clients of one object. A message to several clients
    /// counts once. Default: 48 MiB.
    ///
    /// Above half of the limit, messages for clients over HTTP are kept in rows of storage alone. The next message of a
    /// client then waits for its handler until nothing waits for that client, and broadcasts to the room wait, too. If
    /// that does not help within seconds, the client with the most bytes in memory is closed with 1013.
    object_queue_limit: usize = 48 << 20, usize => identity;
    /// Time in any minute for which one slow member of a room may hold up the others. All members together may do so
    /// for three times as long. Then the room continues, and the member is closed with 1013 if more than `queue_limit`
    /// waits for it. Default: 5 s, at most 20 s; 0 for never.
    room_patience: Millis = Millis::from_secs(5), impl Into<Millis> => Into::into;
    /// Largest WebSocket frame that joins several messages, in bytes. Common clients close the connection at frames of
    /// 8 KiB (Tomcat) or 32 KiB (Go). A single larger message is sent alone. Default: 4 KiB.
    frame_limit: usize = 4 << 10, usize => identity;
    /// Address of an existing server for which the service is a front: see `Services::add_upstream`. The server gets one
    /// WebSocket for each connection, with plain messages, or requests with events if the address is one of HTTP. Default: `None`.
    upstream: Option<Upstream> = None, Upstream => Some;
    /// Moment at which a framed WebSocket of a client of `upstream` gets its open frame. Sessions over HTTP get it at once.
    /// Default: [`UpstreamOpen::Auto`].
    upstream_open: UpstreamOpen = UpstreamOpen::Auto, UpstreamOpen => identity;
    /// WebSocket subprotocols that are offered to `upstream`, the preferred one first. For a raw WebSocket, those of them that
    /// its client offers. Default: empty.
    upstream_protocols: Vec<String> = Vec::new(), impl IntoIterator<Item = impl Into<String>> => texts;
    /// Time within which `upstream` has to accept or refuse a connection. Default: 10 s.
    upstream_timeout: Millis = Millis::from_secs(10), impl Into<Millis> => Into::into;
    /// Repetition of requests with events that an `upstream` over HTTP may have processed already, but did not answer.
    /// Default: [`UpstreamDelivery::AtMostOnce`], which closes the connection instead.
    upstream_delivery: UpstreamDelivery = UpstreamDelivery::AtMostOnce, UpstreamDelivery => identity;
}

impl Config {
    /// True if clients may use `transport`.
    pub fn offers(&self, transport: Transport) -> bool {
        self.transports.contains(&transport) && (self.websocket || !transport.is_websocket())
    }

    /// Returns the age at which a streaming response is ended: `receiver_max_age`, or its default.
    pub fn response_age(&self) -> Millis {
        self.receiver_max_age.unwrap_or(match self.heartbeats {
            Heartbeats::Alarm => Millis::from_secs(600),
            Heartbeats::Worker => Millis::from_secs(86_400),
        })
    }
}

fn some<T>(value: impl Into<T>) -> Option<T> {
    Some(value.into())
}

fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
    texts.into_iter().map(Into::into).collect()
}
