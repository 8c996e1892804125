// A backend that is another Worker: it echoes, and refuses who asks for that. It takes WebSockets, and events over HTTP.

const EVENTS = { "Content-Type": "application/websocket-events" };

export default {
  async fetch(request) {
    if (request.headers.get("Authorization") === "none") return new Response("no", { status: 401 });
    const { pathname } = new URL(request.url);
    if (request.method === "POST") {
      const text = await request.text();
      const body = text.startsWith("OPEN") ? "OPEN\r\n" : text.replaceAll(/TEXT \w+\r\n(.*)\r\n/g, (_, message) => event(`${pathname} ${message}`));
      return new Response(body, { headers: EVENTS });
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(`${pathname} ${data}`));
    return new Response(null, { status: 101, webSocket: client });
  },
};

function event(text) {
  return `TEXT ${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`;
}
