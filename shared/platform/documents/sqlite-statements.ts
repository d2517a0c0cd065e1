import type Libsql from "libsql";
import { LRUCache } from "lru-cache";

/** Gives the statement of this text. */
export type Prepare = (sql: string) => Libsql.Statement<unknown[]>;

/**
 * The statements of one connection, each prepared once: with an index for every declared query, preparing a write takes
 * longer than the write. The texts of a store are few; the bound is for lists of many shapes.
 */
export function preparedOnce(database: Libsql.Database): Prepare {
  const known = new LRUCache<string, Libsql.Statement<unknown[]>>({ max: 500 });
  return (sql) => {
    const statement = known.get(sql) ?? database.prepare(sql);
    known.set(sql, statement);
    return statement;
  };
}
