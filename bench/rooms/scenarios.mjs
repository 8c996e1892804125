// The scenarios. Each has a root and 1,000 leaves of 1,000 members, unless it says otherwise.

const ARRANGEMENTS = [
  { name: "1,000 leaves by requests", levels: 1, by: "requests" },
  { name: "32 middles by requests", levels: 2, by: "requests" },
  { name: "1,000 leaves by WebSockets", levels: 1, by: "sockets" },
  { name: "8 middles by WebSockets", levels: 2, fanOut: 125, by: "sockets" },
  { name: "32 middles by WebSockets", levels: 2, by: "sockets" },
];
const RATES = [
  { rate: 1, seconds: 60 },
  { rate: 10, seconds: 30 },
  { rate: 100, seconds: 12 },
];
const CHOSEN = { levels: 2, by: "sockets" };
const DURABILITIES = ["default", "outbox"];

/** Leaves, middles and the root restart while messages come. */
export const RESTARTS = [
  { at: 3, what: "leaf", which: 7 },
  { at: 5, what: "leaf", which: 39 },
  { at: 8, what: "middle", which: 3 },
  { at: 12, what: "leaf", which: 42 },
  { at: 13, what: "root" },
  { at: 18, what: "middle", which: 7 },
  { at: 18.05, what: "leaf", which: 7 },
  { at: 22, what: "root" },
  { at: 22.1, what: "middle", which: 3 },
];
const WITHOUT_ROOT = RESTARTS.filter(({ what }) => what !== "root");
const WITHOUT_MIDDLE = RESTARTS.filter(({ what }) => what !== "middle");
/** More messages than any arrangement can take. The rate of delivery is the rate that it sustains. */
const FLOOD = { rate: 1000, seconds: 8 };

/** Each arrangement at each rate, without faults. */
export const calm = ARRANGEMENTS.flatMap(({ name, ...arrangement }) => RATES.map((rate) => ({ name: `${name}, ${rate.rate}/s`, ...arrangement, ...rate })));

/** Each arrangement, flooded. */
export const floods = ARRANGEMENTS.map(({ name, ...arrangement }) => ({ name, ...arrangement, ...FLOOD }));

/** Bursts and faults, with 32 middles and WebSockets unless the name says otherwise. */
export const rough = [
  { name: "bursts of 300 each 10 s", ...CHOSEN, rate: 30, seconds: 30, bursts: { every: 10, messages: 300 } },
  { name: "a leaf takes nothing for 50 s, 100/s", ...CHOSEN, rate: 100, seconds: 60, faults: [{ at: 5, what: "stuck", which: 7, seconds: 50 }] },
  { name: "a leaf takes nothing for 15 s, 100/s", ...CHOSEN, rate: 100, seconds: 30, faults: [{ at: 5, what: "stuck", which: 7, seconds: 15 }] },
  { name: "leaves and middles restart, 10/s", ...CHOSEN, rate: 10, seconds: 30, faults: WITHOUT_ROOT },
  ...DURABILITIES.map((durability) => ({ name: `all restart, ${durability}, 10/s`, ...CHOSEN, rate: 10, seconds: 30, durability, faults: RESTARTS })),
  ...DURABILITIES.map((durability) => ({ name: `all restart, ${durability}, 100/s`, ...CHOSEN, rate: 100, seconds: 30, durability, faults: RESTARTS })),
  { name: "1,000 leaves by WebSockets, leaves and root restart, outbox, 10/s", levels: 1, by: "sockets", rate: 10, seconds: 30, durability: "outbox", faults: WITHOUT_MIDDLE },
];

/** Promises that a run can break on purpose, to test that the checker notices. */
export const BREAKS = {
  numbering: "the root gives one number to two messages",
  gaps: "children take what comes, and parents go on after what they sent",
  repeats: "the root does not know a sender's repeated call",
};

/** A small run, for the tests and for `--break`. */
export const short = { ...CHOSEN, leaves: 48, fanOut: 6, rate: 20, seconds: 26, durability: "outbox", faults: RESTARTS };

const SIZES = [1, 10, 30, 100, 1000];
const FLAT_LEAVES = 32;

/** One message a second to rooms of several sizes: in shards of 1,000 members, with a request to each, and in a tree. */
export const sizes = SIZES.map((leaves) => {
  const run = { leaves, rate: 1, seconds: 30 };
  return {
    leaves,
    shards: { ...run, levels: 1, by: "requests" },
    tree: { ...run, levels: leaves > FLAT_LEAVES ? 2 : 1, by: "sockets" },
  };
});
