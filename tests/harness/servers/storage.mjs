// The storage of the objects on disk, read beside the running server: one SQLite file for each object, and in metadata.sqlite the
// alarms of all objects.

import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { removeDirectory, temporaryDirectory } from "../machine/temporary.mjs";
import { until } from "../waiting/wait.mjs";

/** The alarms' table in metadata.sqlite, and the runtime's own tables in each object's file. */
const ALARMS = "_cf_ALARM";
/** The name of an object's file. */
const OBJECT = /^([0-9a-f]{64})\.sqlite$/;
const RUNTIME_TABLE = /^_cf_|^sqlite_/;

/**
 * Returns every object that has a file, `{ rows, alarm }` by its id: the number of rows in its own tables, and the time of its
 * alarm, in ms since the epoch.
 *
 *  @param {string} directory `objects` of a server
 */
export function readObjects(directory) {
  const objects = {};
  for (const folder of readdirSync(directory, { withFileTypes: true })) {
    if (folder.isDirectory()) readClass(join(directory, folder.name), objects);
  }
  return objects;
}

/** Reads each object's database with `read`. */
export function readEachObject(directory, read) {
  for (const file of objectFiles(directory)) query(file, read);
}

/** Changes each object's database with `change`, while no server runs. */
export function changeEachObject(directory, change) {
  for (const file of objectFiles(directory)) {
    const database = new DatabaseSync(file);
    change(database);
    database.close();
  }
}

function objectFiles(directory) {
  const files = readdirSync(directory, { recursive: true }).filter((file) => OBJECT.test(basename(file)));
  return files.map((file) => join(directory, file));
}

/** Resolves when no object has a row or an alarm. */
export function storageEmpties(directory) {
  const isClean = ({ rows, alarm }) => rows === 0 && alarm === null;
  return until(() => Object.values(readObjects(directory)).every(isClean), "storage without rows and alarms");
}

function readClass(directory, objects) {
  for (const name of readdirSync(directory)) {
    const id = OBJECT.exec(name)?.[1];
    if (id) objects[id] = { rows: countRows(join(directory, name)), alarm: null };
  }
  for (const { id, alarm } of readAlarms(join(directory, "metadata.sqlite"))) {
    objects[id] = { rows: 0, ...objects[id], alarm };
  }
}

function countRows(file) {
  return query(file, (database) => {
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
    const own = tables.map(({ name }) => name).filter((name) => !RUNTIME_TABLE.test(name));
    const counts = own.map((name) => database.prepare(`SELECT count(*) AS count FROM "${name}"`).get().count);
    return counts.reduce((sum, count) => sum + count, 0);
  });
}

function readAlarms(file) {
  if (!existsSync(file)) return [];
  return query(file, (database) => {
    const isThere = database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(ALARMS);
    // Nanoseconds, which exceed the range of a JavaScript number.
    const alarms = `SELECT actor_id AS id, scheduled_time / 1000000 AS alarm FROM ${ALARMS}`;
    return isThere ? database.prepare(alarms).all() : [];
  });
}

/**
 * Reads a copy, since the reader's lock would block the runtime, and the runtime's lock the reader. The log is copied first: data
 * that moves from it into the file meanwhile is then seen twice, which does no harm, and not missed.
 */
function query(file, body) {
  const directory = temporaryDirectory();
  const copy = join(directory, "copy.sqlite");
  try {
    for (const suffix of ["-wal", ""]) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    }
    const database = new DatabaseSync(copy);
    const result = body(database);
    database.close();
    return result;
  } finally {
    removeDirectory(directory);
  }
}
