// Checks the clock against Google Cloud Storage. workerd itself checks the rest of a gs:// bucket when it starts.

const ADDRESS = "https://storage.googleapis.com/";
const ANSWER_MS = 10_000;

export async function checkStorageClock({ STORAGE_EMULATOR_HOST: emulator }, clock, report) {
  const url = emulator ? new URL(emulator.includes("://") ? emulator : `http://${emulator}`) : new URL(ADDRESS);
  try {
    await clock.compare(() => fetch(url, { method: "HEAD", signal: AbortSignal.timeout(ANSWER_MS) }));
  } catch (error) {
    report.unanswered(`${url.origin} does not answer (${error.message}): check the network, and the certificates of this machine`);
  }
}
