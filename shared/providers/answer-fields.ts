import { isLosslessNumber } from "lossless-json";
import { AppError } from "#shared/runtime/errors.ts";
import type { Findings } from "./findings.ts";

/**
 * Reads only the fields that are used from a parsed answer. Whatever is missing or of another type ends in
 * `PROVIDER_SCHEMA_DRIFT` naming the JSON path. Source: `providers.md` 2.2.
 */
export interface AnswerObject {
  readonly path: string;
  has(name: string): boolean;
  /** The keys there are, for objects that are maps. */
  names(): string[];
  object(name: string): AnswerObject;
  list(name: string): AnswerObject[];
  /** `""` counts as null, as everywhere in the warehouse. */
  text(name: string): string | null;
  requiredText(name: string): string;
  flag(name: string): boolean;
  flagOrNull(name: string): boolean | null;
  /** An integer >= 0 that JavaScript holds exactly. */
  count(name: string): number;
  /** As `count`; null when the key is absent or null. */
  optionalCount(name: string): number | null;
  /** The literal of a JSON number, never a float. */
  literal(name: string): string;
  literalOrNull(name: string): string | null;
  /** Counts the fields that are not in `known` as findings `unknown_field`. */
  report(known: ReadonlySet<string>, found: Findings): void;
}

/** The fault every reader throws; also for broken identities between fields. */
export function drift(path: string, problem: string): AppError {
  return new AppError("PROVIDER_SCHEMA_DRIFT", `The provider's answer changed at ${path}: ${problem}.`, {
    fields: [{ path, problem }],
  });
}

export function answerObject(value: unknown, path = "$"): AnswerObject {
  if (!isObject(value)) throw drift(path, "an object was expected");
  const at = (name: string) => `${path}.${name}`;
  const has = (name: string) => Object.hasOwn(value, name);
  const given = (name: string): unknown => {
    if (!has(name)) throw drift(at(name), "the field is missing");
    return value[name];
  };
  const text = (name: string): string | null => {
    const found = given(name);
    if (found !== null && typeof found !== "string") throw drift(at(name), "a text or null was expected");
    return found || null;
  };
  const flagOrNull = (name: string): boolean | null => {
    const found = given(name);
    if (found !== null && typeof found !== "boolean") throw drift(at(name), "true, false or null was expected");
    return found;
  };
  const literalOrNull = (name: string): string | null => {
    const found = given(name);
    if (found !== null && !isLosslessNumber(found)) throw drift(at(name), "a number was expected");
    return found === null ? null : found.value;
  };
  const present = <T>(name: string, found: T | null): T => {
    if (found === null) throw drift(at(name), "null was not expected");
    return found;
  };
  const count = (name: string): number => countOf(present(name, literalOrNull(name)), at(name));
  return {
    path,
    has,
    names: () => Object.keys(value),
    object: (name) => answerObject(given(name), at(name)),
    list: (name) => {
      const found = given(name);
      if (!Array.isArray(found)) throw drift(at(name), "a list was expected");
      return found.map((item, index) => answerObject(item, `${at(name)}[${index}]`));
    },
    text,
    requiredText: (name) => present(name, text(name)),
    flag: (name) => present(name, flagOrNull(name)),
    flagOrNull,
    count,
    optionalCount: (name) => (has(name) && value[name] !== null ? count(name) : null),
    literal: (name) => present(name, literalOrNull(name)),
    literalOrNull,
    report: (known, found) => {
      for (const name of Object.keys(value)) {
        if (!known.has(name)) found.add("unknown_field", `${path.replace(/\[\d+\]/g, "[]")}.${name}`, at(name));
      }
    },
  };
}

function countOf(literal: string, path: string): number {
  const count = Number(literal);
  if (!Number.isSafeInteger(count) || count < 0) throw drift(path, "a count must be an integer of zero or more");
  return count;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isLosslessNumber(value);
}
