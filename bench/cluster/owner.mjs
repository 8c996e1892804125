// What a measurement starts ends with it, as what a test starts ends with the test.

/** Calls `measure` with an owner, and ends what it started, the last first. */
export async function owning(measure) {
  const ends = [];
  try {
    return await measure({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
