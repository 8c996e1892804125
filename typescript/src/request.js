// The request that `onRequest` decides about.

export class RequestInfo {
  #url;

  /** Only for the package. */
  constructor(request, { kind, prefix, params, sessionId, transport, remoteAddress }) {
    this.request = request;
    this.kind = kind;
    this.prefix = prefix;
    this.params = params;
    this.sessionId = sessionId ?? undefined;
    this.transport = transport ?? undefined;
    this.remoteAddress = remoteAddress ?? undefined;
  }

  get method() {
    return this.request.method;
  }

  get headers() {
    return this.request.headers;
  }

  get url() {
    return (this.#url ??= new URL(this.request.url));
  }

  get pathname() {
    return this.url.pathname;
  }

  get query() {
    return this.url.search.slice(1);
  }

  get origin() {
    return this.headers.get("Origin") ?? undefined;
  }

  get cf() {
    return this.request.cf;
  }

  /** Returns a cookie by its name, exactly as in the header. */
  cookie(name) {
    for (const pair of (this.headers.get("Cookie") ?? "").split(";")) {
      const [known, ...value] = pair.trim().split("=");
      if (known === name && value.length > 0) return value.join("=");
    }
    return undefined;
  }
}
