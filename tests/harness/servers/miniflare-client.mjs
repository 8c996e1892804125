// A client of the server within the runtime: a Worker that takes the next piece of a response only when its WebSocket requests
// it. No kernel lies between the two, so that the unread part stays in the server, to the last frame.

export default {
  async fetch(request, { SERVER }) {
    const parameters = new URL(request.url).searchParams;
    const { body } = await SERVER.fetch(parameters.get("url"), { method: parameters.get("method") });
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    // Sends one piece of the body for each message, and an empty one at its end.
    server.addEventListener("message", async () => {
      const { value } = await reader.read();
      server.send(decoder.decode(value, { stream: true }));
    });
    return new Response(null, { status: 101, webSocket: client });
  },
};
