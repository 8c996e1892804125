// What the records in a cluster's bucket say: which node owns which object. The layout is workerd's (1.20261117) and no
// interface: this is for tests, and for looking on.

/** moto wants a signed request, and does not look at the signature. */
const AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=anybody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
const headers = { Authorization: AUTHORIZATION };

export class Records {
  #bucket;

  /** @param {{ url: string, endpoint: string }} bucket of `startBucket` */
  constructor({ url, endpoint }) {
    const { hostname: name } = new URL(url);
    this.#bucket = `${endpoint}/${name}`;
  }

  /** The keys of all records. */
  async keys() {
    const keys = [];
    for (let token; ; ) {
      const page = token === undefined ? "" : `&continuation-token=${encodeURIComponent(token)}`;
      const response = await fetch(`${this.#bucket}?list-type=2${page}`, { headers });
      const xml = await response.text();
      keys.push(...[...xml.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key));
      [, token] = /<NextContinuationToken>(.*?)<\/NextContinuationToken>/.exec(xml) ?? [];
      if (token === undefined) return keys;
    }
  }

  /** One record, or undefined if there is none of that key any more. */
  async read(key) {
    const response = await fetch(`${this.#bucket}/${key}`, { headers });
    return response.ok ? response.json() : undefined;
  }

  /** The nodes, `{ node, address, draining, expires_ms }` by their ids. */
  async nodes() {
    const keys = (await this.keys()).filter((key) => /\/nodes\/[^/]+\.json$/.test(key));
    const nodes = await Promise.all(keys.map((key) => this.read(key)));
    return new Map(nodes.filter(Boolean).map((node) => [node.node, node]));
  }

  /** The owner of each object: `{ node, epoch }` by the object's id. */
  async owners() {
    const keys = (await this.keys()).filter((key) => key.endsWith("/own.json"));
    const owners = new Map();
    for (const key of keys) {
      const record = await this.read(key);
      if (record) owners.set(key.split("/").at(-2), record);
    }
    return owners;
  }
}
