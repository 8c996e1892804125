// A backend that is another Worker: it echoes, and refuses who asks for that.

export default {
  fetch(request) {
    if (request.headers.get("Authorization") === "none") return new Response("no", { status: 401 });
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(`${new URL(request.url).pathname} ${data}`));
    return new Response(null, { status: 101, webSocket: client });
  },
};
