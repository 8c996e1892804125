// The objects in memory: the runtime holds their files open while they are there.

import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Returns the number of objects of that directory that the process `pid` holds open. */
export function countOpenObjects(pid, directory) {
  const descriptors = `/proc/${pid}/fd`;
  const files = readdirSync(descriptors).map((descriptor) => target(join(descriptors, descriptor)));
  const isObject = (file) => file.startsWith(directory) && /\/[0-9a-f]{64}\.sqlite$/.test(file);
  return new Set(files.filter(isObject)).size;
}

function target(descriptor) {
  try {
    return readlinkSync(descriptor);
  } catch (error) {
    if (error.code === "ENOENT") return ""; // closed meanwhile
    throw error;
  }
}
