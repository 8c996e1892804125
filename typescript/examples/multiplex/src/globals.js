// websocket-multiplex 0.1.0 assigns to two variables that it does not declare, which a module may do only if they exist.

globalThis.MultiplexServer = undefined;
globalThis.topic = undefined;
