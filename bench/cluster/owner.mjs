// An owner for measurements: it ends everything that was started, like the context of a test.

/** Calls `measure` with an owner, and ends everything that it started, in reverse order. */
export async function owning(measure) {
  const ends = [];
  try {
    return await measure({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
