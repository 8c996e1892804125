// The part of TOML that this project's own files use (wrangler.toml, rust-toolchain.toml, Cargo.lock), so that each fact
// stays in one file and the scripts need no package. Anything else is refused, never guessed: dates, exponents and
// multi-line strings are not understood.

const SKIP = /(?:\s|#[^\n]*)*/y;
const SAME_LINE = /[ \t]*/y;
const LINE_END = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
const BASIC_STRING = /"(?!"")(?:[^"\\\n]|\\.)*"/y;
const LITERAL_STRING = /'(?!'')[^'\n]*'/y;
const NUMBER = /[+-]?\d[\d_]*(?:\.\d[\d_]*)?(?![\d.:eExob-])/y;
const BOOLEAN = /true\b|false\b/y;

/** Parses a TOML document into plain objects; throws with the line of what it does not understand. */
export function parseToml(text) {
  const parser = new Parser(text);
  const document = {};
  let table = document;
  for (parser.take(SKIP); !parser.atEnd(); parser.take(SKIP)) {
    if (parser.accept("[[")) table = appendTable(document, parser.header("]]"), parser);
    else if (parser.accept("[")) table = openTable(document, parser.header("]"), parser);
    else parser.keyValueInto(table);
    if (parser.take(LINE_END) === undefined) parser.fail("expected the end of the line");
  }
  return document;
}

class Parser {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  atEnd() {
    return this.at >= this.text.length;
  }

  fail(message) {
    const line = this.text.slice(0, this.at).split("\n").length;
    throw new Error(`line ${line}: ${message}`);
  }

  /** The text that a sticky expression matches here, or undefined. */
  take(expression) {
    expression.lastIndex = this.at;
    const match = expression.exec(this.text);
    if (!match) return undefined;
    this.at = expression.lastIndex;
    return match[0];
  }

  accept(token) {
    const found = this.text.startsWith(token, this.at);
    if (found) this.at += token.length;
    return found;
  }

  expect(token) {
    if (!this.accept(token)) this.fail(`expected ${token}`);
  }

  header(end) {
    const path = this.dottedKey();
    this.expect(end);
    return path;
  }

  dottedKey() {
    const path = [];
    do {
      this.take(SAME_LINE);
      path.push(this.take(BARE_KEY) ?? this.string() ?? this.fail("expected a key"));
      this.take(SAME_LINE);
    } while (this.accept("."));
    return path;
  }

  keyValueInto(table) {
    const path = this.dottedKey();
    const key = path.pop();
    const target = openTable(table, path, this);
    if (Object.hasOwn(target, key)) this.fail(`${key} is set twice`);
    this.expect("=");
    this.take(SAME_LINE);
    target[key] = this.value();
  }

  string() {
    const basic = this.take(BASIC_STRING);
    if (basic !== undefined) return JSON.parse(basic);
    return this.take(LITERAL_STRING)?.slice(1, -1);
  }

  value() {
    if (this.accept("[")) return this.array();
    if (this.accept("{")) return this.inlineTable();
    const string = this.string();
    if (string !== undefined) return string;
    const boolean = this.take(BOOLEAN);
    if (boolean !== undefined) return boolean === "true";
    const number = this.take(NUMBER);
    if (number !== undefined) return Number(number.replaceAll("_", ""));
    return this.fail("a value of a kind that scripts/toml.mjs does not read");
  }

  array() {
    const values = [];
    for (this.take(SKIP); !this.accept("]"); this.take(SKIP)) {
      values.push(this.value());
      this.take(SKIP);
      if (!this.accept(",")) {
        this.expect("]");
        break;
      }
    }
    return values;
  }

  inlineTable() {
    const table = {};
    this.take(SAME_LINE);
    if (this.accept("}")) return table;
    do {
      this.keyValueInto(table);
      this.take(SAME_LINE);
    } while (this.accept(","));
    this.expect("}");
    return table;
  }
}

/** The table at the path, made where missing; a path through an array of tables means its last one. */
function openTable(from, path, parser) {
  let table = from;
  for (const key of path) {
    if (!Object.hasOwn(table, key)) table[key] = {};
    table = Array.isArray(table[key]) ? table[key].at(-1) : table[key];
    if (typeof table !== "object") parser.fail(`${key} is not a table`);
  }
  return table;
}

function appendTable(document, path, parser) {
  const parent = openTable(document, path.slice(0, -1), parser);
  const key = path.at(-1);
  if (!Object.hasOwn(parent, key)) parent[key] = [];
  if (!Array.isArray(parent[key])) parser.fail(`${key} is not an array of tables`);
  parent[key].push({});
  return parent[key].at(-1);
}
