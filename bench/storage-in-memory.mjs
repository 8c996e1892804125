// The place of the objects' storage while speed is measured.

import { existsSync } from "node:fs";

/** Environment that puts it into memory: how fast a disk is to say that it has something is not to be measured. */
export function storageInMemory() {
  return existsSync("/dev/shm") ? { TMPDIR: "/dev/shm" } : {};
}
