// Arguments of the commands that start the Worker. An argument that cannot be used is an error that names it.

/** Reads a whole number from `least` to `most`. */
export function readNumber(name, text, least, most) {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new Error(`${name} takes a number from ${least} to ${most}, not ${text}`);
  }
  return number;
}

/** Reads variables, each NAME=VALUE. */
export function readVars(assignments) {
  const pairs = assignments.map((assignment) => {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(assignment);
    if (!match) throw new Error(`--var takes NAME=VALUE, not ${assignment}`);
    return match.slice(1);
  });
  return Object.fromEntries(pairs);
}
