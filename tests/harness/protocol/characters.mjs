// Characters that can be sent in more than one way.

/** At the edges of each range that old browsers lose, and next to them. */
const ESCAPED = "\0\x1f\u200c\u200f\u2028\u202f\u2060\u206f\ufff0\ufffe\uffff\u{10000}😀\u{10ffff}";
const PLAIN = " /~\x7f\x80\x9f\xad\u200b\u2010\u2027\u2030\u205f\u2070\ud7ff\ue000\ufeff\uffef";
const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A message, and its form in a frame. */
export const OUTGOING = { message: PLAIN + ESCAPED, inFrame: PLAIN + ESCAPED.split("").map(escape).join("") };

/** Messages with surrogates, in pairs and alone, as a client escapes them and as a frame returns them. */
const ECHOES = [
  [String.raw`"\ud83d\ude00"`, String.raw`"\ud83d\ude00"`],
  [String.raw`"\uD83D\uDE00"`, String.raw`"\ud83d\ude00"`],
  [String.raw`"\ud83d"`, String.raw`"\ufffd"`],
  [String.raw`"\ude00"`, String.raw`"\ufffd"`],
  [String.raw`"\ude00\ud83d"`, String.raw`"\ufffd\ufffd"`],
  [String.raw`"\ud83d\ud83d\ude00\ude00"`, String.raw`"\ufffd\ud83d\ude00\ufffd"`],
  [String.raw`"a\udbffb\udfffc"`, String.raw`"a\ufffdb\ufffdc"`],
  [String.raw`"\\ud83d\ud83d"`, String.raw`"\\ud83d\ufffd"`],
];

export const SURROGATES = {
  each: ECHOES,
  sent: `[${ECHOES.map(([sent]) => sent)}]`,
  inFrame: `[${ECHOES.map(([, inFrame]) => inFrame)}]`,
};
