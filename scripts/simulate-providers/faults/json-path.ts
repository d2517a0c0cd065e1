import { isJsonObject, type Json, type JsonObject } from "../json.ts";

/** One member of an object found by a path; its value can be read, replaced or removed. */
export interface Place {
  readonly parent: JsonObject;
  readonly key: string;
  readonly value: Json;
}

/** Every object member that a dotted path reaches: `data.*.results.*.amount.value`, `*` = each element of an array, a number = one. */
export function placesAt(root: Json, path: string): Place[] {
  const steps = path.split(".");
  const key = steps.pop() ?? "";
  const parents = steps.reduce<Json[]>((values, step) => values.flatMap((value) => descend(value, step)), [root]);
  return parents.flatMap((parent) => {
    const value = isJsonObject(parent) ? parent[key] : undefined;
    return isJsonObject(parent) && value !== undefined ? [{ parent, key, value }] : [];
  });
}

function descend(value: Json, step: string): Json[] {
  if (Array.isArray(value)) return step === "*" ? value : value.slice(Number(step), Number(step) + 1);
  const member = isJsonObject(value) ? value[step] : undefined;
  return member === undefined ? [] : [member];
}
