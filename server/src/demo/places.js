// Where connections go that are open side by side. Over HTTP/1.1 a browser has six to a host: a waiting response keeps one,
// a message needs another for a moment.

const PER_HOST = 4;

/** Each transport that finds room with the origin that it connects to. */
export async function places(transports, path) {
  const own = location.origin;
  const [navigation] = performance.getEntriesByType("navigation");
  const unlimited = /^h[23]/.test(navigation?.nextHopProtocol);
  const other = unlimited ? undefined : await otherName(path);
  const taken = new Map();
  const found = new Map();
  for (const transport of transports) {
    const origin = [own, other].find((origin) => {
      if (origin === undefined) return false;
      // Iframes are for pages of another origin; the other two cannot do without their own.
      if (origin !== own && /^(htmlfile|jsonp-polling)$/.test(transport)) return false;
      return unlimited || transport === "websocket" || (taken.get(origin) ?? 0) < PER_HOST;
    });
    if (origin === undefined) continue;
    if (transport !== "websocket") taken.set(origin, (taken.get(origin) ?? 0) + 1);
    found.set(transport, origin);
  }
  return found;
}

/** On the visitor's own machine: the same server by another name, if that is let in. */
async function otherName(path) {
  const { protocol, hostname, port } = location;
  const other = { "127.0.0.1": "localhost", localhost: "127.0.0.1" }[hostname];
  if (!other) return undefined;
  const origin = `${protocol}//${other}:${port}`;
  const answer = await fetch(`${origin}${path}/info`).catch(() => undefined);
  return answer?.ok ? origin : undefined;
}
