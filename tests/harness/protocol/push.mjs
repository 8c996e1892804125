// Requests to a push endpoint, and its responses, which are checked against docs/push.openapi.json.

import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/tools.mjs";
import { request } from "../clients/http.mjs";

export const description = JSON.parse(readFileSync(join(ROOT, "docs/push.openapi.json"), "utf8"));
const { post } = description.paths["/push"];
/** The documented statuses. */
export const statuses = Object.keys(post.responses).sort();

// The schemas are looked up in the whole document, whose other parts are not schemas.
const ajv = new Ajv2020({ allErrors: true }).addVocabulary(Object.keys(description)).addSchema(description, "push");

export class DescribedPush {
  /** The statuses of the responses so far. */
  seen = new Set();
  #url;
  #token;

  /**
   * @param {() => string} url returns that of the server
   * @param {string} token
   */
  constructor(url, token) {
    this.#url = url;
    this.#token = token;
  }

  /** Pushes, and checks the response; returns its body. */
  async push(order, status, { method = "POST", headers = { Authorization: `Bearer ${this.#token}` }, ms } = {}) {
    const body = typeof order === "string" ? order : JSON.stringify(order);
    if (status === 200 || status === 404) assert.ok(this.isOrder(order), ajv.errorsText());
    return this.check(await request(`${this.#url()}/push`, { method, headers, body, ms }), status);
  }

  /** Asserts that a response is as documented; returns its body. */
  check(answer, status) {
    assert.equal(answer.status, status, answer.body);
    const described = resolve(post.responses[status]);
    for (const [name, header] of Object.entries(described.headers)) {
      const { required, schema } = resolve(header);
      const value = answer.headers[name.toLowerCase()];
      assert.ok(value !== undefined || !required, name);
      assert.ok(ajv.validate(schema, value), `${name}: ${value}`);
    }
    const [[type, { schema }], ...others] = Object.entries(described.content);
    assert.deepEqual(others, []);
    assert.equal(answer.headers["content-type"].split(";")[0], type);
    const result = JSON.parse(answer.body);
    assert.ok(ajv.validate({ $ref: `push${schema.$ref}` }, result), `${answer.body}: ${ajv.errorsText()}`);
    this.seen.add(String(status));
    return result;
  }

  isOrder(value) {
    return ajv.validate({ $ref: `push${post.requestBody.content["application/json"].schema.$ref}` }, value);
  }
}

function resolve({ $ref, ...rest }) {
  if ($ref === undefined) return rest;
  const target = $ref.slice("#/".length).split("/").reduce((value, key) => value[key], description);
  return { ...resolve(target), ...rest };
}
