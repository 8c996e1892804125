// The rows that an object's queries read and write, as their cursors tell. A cursor's numbers grow while it is read, so
// they are taken when the next query runs or the piece of work ends; what the built Worker reads, it reads at once.

import { count } from "./counters.mjs";

export class Queries {
  #cursors = [];

  run(sql, query, values) {
    this.read();
    let cursor;
    for (const statement of statementsOf(query, values)) {
      cursor = sql.exec(statement, ...values);
      this.#cursors.push(cursor);
    }
    return cursor;
  }

  /** Counts what was read and written since the last time. */
  read() {
    for (const { rowsRead, rowsWritten } of this.#cursors) {
      count("rowsRead", rowsRead);
      count("sqlRowsWritten", rowsWritten);
    }
    this.#cursors = [];
  }
}

/** Of several statements in one text the cursor tells only of the last (workerd 1.20261117); here each is run by itself. */
function statementsOf(query, values) {
  // Only the last could have values, and the built Worker's has none.
  if (values.length > 0) return [query];
  return query.split(";").filter((statement) => statement.trim() !== "");
}
