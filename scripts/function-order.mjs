// The order of the functions in a wasm module. What is sent is compressed, and gzip finds again only what stands within 32 KiB:
// so functions that are alike are put next to each other. wasm-opt sorts functions by name, and here they get names for that.

/** Length of the pieces of code that are compared, in bytes: an instruction or two. */
const PIECE = 5;
/** A piece that is in more functions than this tells nothing about any of them. */
const COMMON = 200;
/** Number of functions that the next one is compared with. */
const NEAR = 8;

/** What the binary format of wasm numbers. */
const SECTION = { custom: 0, import: 2, code: 10 };
const IMPORT = { function: 0, tag: 4 };
const FUNCTION_NAMES = 1;

/**
 * Names the functions of a module, which has no names yet: by their names, those that are alike are neighbours.
 *
 * @param {Buffer} module
 * @returns {Buffer} the module with the names
 */
export function withOrderedNames(module) {
  let imported = 0;
  let bodies = [];
  const reader = new Reader(module.subarray(8));
  while (!reader.isAtEnd()) {
    const id = reader.byte();
    const section = new Reader(reader.bytes());
    if (id === SECTION.import) imported = importedFunctions(section);
    if (id === SECTION.code) bodies = Array.from({ length: section.number() }, () => section.bytes());
  }
  return Buffer.concat([module, nameSection(imported, orderOf(bodies))]);
}

/** Returns indices: each function is followed by the one that shares most of its pieces with the last few. */
function orderOf(bodies) {
  const pieces = bodies.map(piecesOf);
  const holders = new Map();
  const holdersOf = (piece) => holders.get(piece) ?? holders.set(piece, []).get(piece);
  pieces.forEach((some, index) => some.forEach((piece) => holdersOf(piece).push(index)));
  const shared = new Float64Array(bodies.length);
  const count = (index, change) => {
    for (const piece of pieces[index]) {
      const alike = holdersOf(piece);
      if (alike.length <= COMMON) for (const other of alike) shared[other] += change;
    }
  };
  const left = new Set(bodies.keys());
  const order = [];
  for (let next = 0; left.size > 0; ) {
    order.push(next);
    left.delete(next);
    count(next, 1);
    if (order.length > NEAR) count(order.at(-1 - NEAR), -1);
    let most = -1;
    for (const index of left) {
      // Of two that share as much, the shorter one; a very short one is like everything.
      const share = shared[index] / (pieces[index].size + 20);
      if (share > most) [most, next] = [share, index];
    }
  }
  return order;
}

function piecesOf(body) {
  const pieces = new Set();
  for (let at = 0; at + PIECE <= body.length; at++) pieces.add(body.latin1Slice(at, at + PIECE));
  return pieces;
}

function importedFunctions(section) {
  let functions = 0;
  for (let left = section.number(); left > 0; left--) {
    // Its module and its name.
    section.bytes();
    section.bytes();
    const kind = section.byte();
    if (kind === IMPORT.function) functions++;
    else if (kind === IMPORT.tag) section.byte();
    else throw new Error(`an import of kind ${kind}: expected functions and tags`);
    // Its type.
    section.number();
  }
  return functions;
}

function nameSection(imported, order) {
  const ranks = [];
  order.forEach((index, rank) => (ranks[index] = rank));
  const names = ranks.map((rank, index) => [number(imported + index), sized(Buffer.from(String(rank).padStart(6, "0")))]);
  const functions = Buffer.concat([number(ranks.length), ...names.flat()]);
  return Buffer.concat([
    Buffer.of(SECTION.custom),
    sized(Buffer.concat([sized(Buffer.from("name")), Buffer.of(FUNCTION_NAMES), sized(functions)])),
  ]);
}

function sized(bytes) {
  return Buffer.concat([number(bytes.length), bytes]);
}

/** A number in LEB128, as wasm writes it: seven bits a byte, the lowest first. */
function number(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.of(...bytes, value);
}

class Reader {
  #rest;

  constructor(bytes) {
    this.#rest = bytes;
  }

  isAtEnd() {
    return this.#rest.length === 0;
  }

  byte() {
    const [byte] = this.#rest;
    this.#rest = this.#rest.subarray(1);
    return byte;
  }

  number() {
    const byte = this.byte();
    return byte < 128 ? byte : byte - 128 + 128 * this.number();
  }

  bytes() {
    const length = this.number();
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return bytes;
  }
}
