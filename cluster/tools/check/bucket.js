// An s3:// bucket: the rights of its credentials, and the conditional writes by which nodes agree on the owner of an object. The
// check uses one object of its own below the cluster's prefix, and deletes it.

import { AwsClient } from "aws4fetch";

const ANSWER_MS = 10_000;
const RETRIES = 2;
const UNAVAILABLE = [500, 502, 503, 504];

/** Error codes of a service for problems other than a missing right, with the advice for each. */
const REFUSALS = {
  NoSuchBucket: ({ name, endpoint }) => `there is no bucket ${name} at ${endpoint}: create it, or correct CLUSTER_BUCKET`,
  InvalidAccessKeyId: ({ endpoint }) => `${endpoint} does not know the access key: correct AWS_ACCESS_KEY_ID`,
  SignatureDoesNotMatch: () => "the secret does not belong to the access key: correct AWS_SECRET_ACCESS_KEY, or AWS_REGION",
  InvalidToken: () => "the session token is not valid: correct AWS_SESSION_TOKEN",
  ExpiredToken: () => "the credentials have expired: give new ones, by AWS_CREDENTIALS_FILE if they change",
  RequestTimeTooSkewed: () => "the service refuses requests at the time of this machine's clock: run an NTP service",
  AuthorizationHeaderMalformed: wrongRegion,
  PermanentRedirect: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
};

function wrongRegion({ name, region }, response) {
  const right = response.headers.get("x-amz-bucket-region");
  return `the bucket ${name} is not in the region ${region}: set AWS_REGION${right ? ` to ${right}` : ""}`;
}

export async function checkBucket(environment, clock, report) {
  const bucket = new Bucket(environment, clock);
  try {
    const isWritten = await bucket.checkWrites(report);
    if (isWritten) await bucket.checkRights(report);
  } catch (error) {
    await bucket.cleanUp();
    report.unanswered(`${bucket.endpoint} does not answer (${error.message}): check AWS_ENDPOINT_URL, the network, and the certificates of this machine`);
  }
}

class Bucket {
  #client;
  #clock;
  #key;

  constructor(environment, clock) {
    const [, name, prefix] = /^s3:\/\/([^/]+)\/?(.*?)\/*$/.exec(environment.CLUSTER_BUCKET);
    this.name = name;
    this.region = environment.AWS_REGION || "us-east-1";
    this.endpoint = (environment.AWS_ENDPOINT_URL || `https://s3.${this.region}.amazonaws.com`).replace(/\/+$/, "");
    this.url = `s3://${[name, prefix].filter(Boolean).join("/")}`;
    this.#key = [prefix, `.check-${crypto.randomUUID()}`].filter(Boolean).join("/");
    this.#clock = clock;
    this.#client = new AwsClient({
      accessKeyId: environment.AWS_ACCESS_KEY_ID,
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
      sessionToken: environment.AWS_SESSION_TOKEN || undefined,
      service: "s3",
      region: this.region,
      retries: RETRIES,
    });
  }

  /** Writes the object, and then in a way that the service must reject. Resolves to true if the object exists. */
  async checkWrites(report) {
    const first = await this.#write({ "If-None-Match": "*" });
    if (!first.ok) {
      report.problem(await this.#reason(first, "write", "s3:PutObject"));
      return false;
    }
    for (const condition of [{ "If-None-Match": "*" }, { "If-Match": '"00000000000000000000000000000000"' }]) {
      const response = await this.#write(condition);
      const [header] = Object.keys(condition);
      if (response.ok) {
        report.problem(`${this.endpoint} ignores ${header}: two nodes would own one object; use a service with conditional writes`);
      } else if (response.status !== 412) {
        report.problem(await this.#reason(response, `write with ${header}`, "s3:PutObject and s3:GetObject"));
      }
    }
    return true;
  }

  /** Reads, lists and deletes the object. */
  async checkRights(report) {
    const read = await this.#ask(this.#key);
    if (!read.ok) report.problem(await this.#reason(read, "read", "s3:GetObject"));
    const list = await this.#ask(`?list-type=2&prefix=${encodeURIComponent(this.#key)}`);
    if (!list.ok) report.problem(await this.#reason(list, "list", `s3:ListBucket (on the bucket itself)`));
    else if (!(await list.text()).includes(this.#key)) {
      report.problem(`${this.endpoint} does not list an object that was just written: use a service with consistent listings`);
    }
    const deleted = await this.#ask(this.#key, { method: "DELETE" });
    if (!deleted.ok) report.problem(await this.#reason(deleted, "delete", "s3:DeleteObject"));
  }

  /** Deletes the object after a check that broke off, if the service answers. */
  async cleanUp() {
    await this.#ask(this.#key, { method: "DELETE" }).catch(() => {});
  }

  #write(headers) {
    return this.#ask(this.#key, { method: "PUT", headers, body: "a node of a cluster checks its rights\n" });
  }

  #ask(path, options) {
    const url = `${this.endpoint}/${this.name}/${path}`;
    return this.#clock.compare(() => this.#client.fetch(url, { ...options, signal: AbortSignal.timeout(ANSWER_MS) }));
  }

  /** Returns the reason why the service refused to write, read, list or delete objects. Throws if it will answer otherwise later. */
  async #reason(response, verb, right) {
    const [, code] = /<Code>(\w+)<\/Code>/.exec(await response.text()) ?? [];
    if (REFUSALS[code]) return REFUSALS[code](this, response);
    if (UNAVAILABLE.includes(response.status)) throw new Error([response.status, code].filter(Boolean).join(" "));
    if (response.status === 403) return `the credentials may not ${verb} objects in ${this.url}: grant ${right}`;
    const answer = [response.status, code].filter(Boolean).join(" ");
    return `${this.endpoint} does not ${verb} objects in ${this.url} (${answer}): use a service that does what Amazon S3 does`;
  }
}
