/** How far the server's resident memory was at most above what it was before, while `body` ran, in bytes; and what that gave. */
export async function growthDuring(server, body) {
  const before = server.memory();
  let peak = before;
  const sample = () => (peak = Math.max(peak, server.memory()));
  const timer = setInterval(sample, 20);
  try {
    const result = await body();
    return { result, growth: sample() - before };
  } finally {
    clearInterval(timer);
  }
}

export const MIB = 1 << 20;

/** For a message: one digit behind the point. */
export const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
