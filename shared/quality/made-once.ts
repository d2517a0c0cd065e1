import { LRUCache } from "lru-cache";
import type { Expr } from "nodejs-polars";

const made = new LRUCache<string, Expr>({ max: 500 });

/**
 * An expression that says the same each time, made once and kept: making one takes longer than to judge a small day by
 * it. The key, unambiguous JSON, names all that the expression depends on.
 */
export function madeOnce(key: readonly unknown[], make: () => Expr): Expr {
  const text = JSON.stringify(key);
  const expression = made.get(text) ?? make();
  made.set(text, expression);
  return expression;
}
