// The options of a service. Names and defaults are those of the Rust crate, and follow sockjs-node where it has the same option.
// Times are in milliseconds, sizes in bytes.

/** A transport of SockJS. */
export type Transport =
  | "websocket"
  | "websocket-raw"
  | "xhr-streaming"
  | "eventsource"
  | "htmlfile"
  | "xhr-polling"
  | "jsonp-polling";

/** The options of one service, or of all. */
export interface Options {
  /** URL from which the iframe page loads the client. Default: the version that this server is tested with, from a public host. */
  sockjs_url?: string;
  /** Transports that are offered. Default: all. */
  transports?: Transport[];
  /** True if the WebSocket transports in `transports` are offered. Default: true. */
  websocket?: boolean;
  /** WebSocket subprotocols that the service speaks, the preferred one first. Default: none. */
  websocket_protocols?: string[];
  /** Holder of the clients' WebSockets. With `worker` they survive restarts of their object. Default: `object`. */
  websocket_holder?: "object" | "worker";
  /** Longest time for which a WebSocket that the Worker holds continues without its object. Default: 30000. */
  reattach_timeout?: number;
  /** True if every response of a session sets the cookie `JSESSIONID`. Default: false. */
  jsessionid?: boolean;
  /** True if other origins get no CORS headers and no iframe pages. Default: false. */
  disable_cors?: boolean;
  /** URL that clients use for everything after `/info`. Default: their current one. */
  base_url?: string | null;
  /** Bytes after which a streaming response is ended. Default: 131072. */
  response_limit?: number;
  /** Clock of the heartbeats over HTTP, and of WebSockets that the Worker holds. Default: `alarm`. */
  heartbeats?: "alarm" | "worker";
  /** Silence after which a waiting receiver gets a heartbeat. Default: 25000. */
  heartbeat_delay?: number;
  /** Silence after which a WebSocket gets a heartbeat. Default: `heartbeat_delay`. */
  websocket_heartbeat_delay?: number | null;
  /**
   * Message by which the client of a WebSocket shows that it is alive: `page` (the empty message), `stomp`, `vertx`, or your own
   * string. Default: none.
   */
  liveness?: string | null;
  /** Time without a sign of life after which the client of a WebSocket counts as silent. Default: 90000. */
  silence_timeout?: number;
  /** True if clients that never sent the message of `liveness` are closed when they are silent, too. Default: false. */
  liveness_required?: boolean;
  /** Time without a receiver after which a session over HTTP is closed. Default: 5000. */
  disconnect_delay?: number;
  /** Age at which a streaming response is ended. Default: 600000; a day with `heartbeats: "worker"`. */
  receiver_max_age?: number | null;
  /** Time for which the object itself holds a poll. Default: 50, at most 100. */
  grace?: number;
  /** Longest time for which a message waits for a receiver in memory alone. Default: 250. */
  persist_after?: number;
  /** Connections that share an object: one session, one room, or a shard of a room. Default: `session`. */
  placement?: "session" | "room" | `shards:${number}`;
  /** Jurisdiction of the objects, such as `eu`. Default: any. */
  jurisdiction?: string | null;
  /** Region in which new objects are placed if there is room, such as `weur`. Default: near the first request. */
  location_hint?: string | null;
  /** Longest time for which a request to an object waits for its response. Default: 10000. */
  object_timeout?: number;
  /** Moment at which a message counts as delivered. Default: `default`. */
  durability?: "default" | "outbox";
  /** Origins whose pages may connect, such as `https://*.example.com`. Default: any. */
  allowed_origins?: string[];
  /** True if `/info` issues tickets, which every connection then needs. Default: false. */
  tickets?: boolean;
  /** Time for which a ticket opens connections. Default: 300000. */
  ticket_lifetime?: number;
  /** Age up to which a ticket is valid for the session that it opened. Default: 86400000. */
  ticket_max_age?: number;
  /** Largest body of a send, or message of a WebSocket. Default: 8388608. */
  body_limit?: number;
  /** Largest message of a client. Default: 524288. */
  message_limit?: number;
  /** Most bytes of one client's messages that wait for the handler. Default: 8388608. */
  inbox_limit?: number;
  /** Longest time for which a send over HTTP is held. Default: 55000. */
  send_timeout?: number;
  /** Longest time for which a client may read nothing although data waits for it. Default: 30000. */
  stall_timeout?: number;
  /** Most messages in one send, or in one WebSocket message. Default: as many as fit. */
  messages_per_body?: number | null;
  /** Most messages that a client may send in a second. Default: any number. */
  message_rate?: number | null;
  /** Time within which a client has to send its first message. Default: unlimited. */
  first_message_timeout?: number | null;
  /** Most connections of one object. Default: any number. */
  connections_per_object?: number | null;
  /** Name of a rate-limiting binding that counts the connections of a client's address. Default: none. */
  address_limiter?: string | null;
  /** Addresses and networks of proxies in front of `workerd` that may send the client's address. Default: none. */
  trusted_proxies?: string[];
  /** Header in which they send it. Default: `X-Forwarded-For`. */
  client_address_header?: string;
  /** Level of the events that are logged. Default: `warn`. */
  log?: "none" | "error" | "warn" | "info" | "debug";
  /** True if events are counted. Default: false. */
  metrics?: boolean;
  /** Most bytes that wait for one client. Default: 1048576. */
  queue_limit?: number;
  /** Most bytes of memory for everything that waits for the clients of one object. Default: 50331648. */
  object_queue_limit?: number;
  /** Time in any minute for which one slow member may hold up its room. Default: 5000, at most 20000. */
  room_patience?: number;
  /** Largest WebSocket frame that joins several messages. Default: 4096. */
  frame_limit?: number;
}
