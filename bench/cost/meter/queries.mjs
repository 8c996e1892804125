// The rows that an object's queries read and write, according to their cursors. A cursor's numbers grow while it is read, so they
// are taken when the next query runs or the piece of work ends; the built Worker reads its cursors at once.

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

  /** Counts the rows that were read and written since the last call. */
  read() {
    for (const { rowsRead, rowsWritten } of this.#cursors) {
      count("rowsRead", rowsRead);
      count("sqlRowsWritten", rowsWritten);
    }
    this.#cursors = [];
  }
}

/**
 * Splits a text into its statements. The cursor only counts the last of several (workerd 1.20261117), so each is run separately.
 */
function statementsOf(query, values) {
  // Only the last statement could have values, and the built Worker's has none.
  if (values.length > 0) return [query];
  return query.split(";").filter((statement) => statement.trim() !== "");
}
