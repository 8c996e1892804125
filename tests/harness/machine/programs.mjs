// Programs of this machine.

import { accessSync, constants } from "node:fs";

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
