import { formatInstant } from "../days.ts";
import { formatDecimal, one, parseDecimal } from "../decimal.ts";
import { isJsonObject, type Json, type JsonObject, NumberLiteral } from "../json.ts";
import { type Answer, type FaultFields, TextBody } from "../provider.ts";
import { type Fault, type FaultArgs, type FaultMode, numberArg, textArg } from "./fault.ts";
import { type Place, placesAt } from "./json-path.ts";

interface FieldFault {
  /** The paths it works on unless `args.path` names one; none = it cannot strike this answer. */
  paths(fields: FaultFields): readonly (string | undefined)[];
  /** The new value; undefined removes the member. */
  edit(value: Json, args: FaultArgs): Json | undefined;
}

const main = ({ main: path }: FaultFields) => [path];

/**
 * Faults that change fields of a good answer. Common args: `path` (`data.*.results.*.amount.value`), `places: "first"` (default: every place).
 * Own args: unknown-enum `value`, wrong-currency `currency`, huge `value` (decimal text), clock-skew `seconds`, `buckets`.
 */
const fieldFaults: Partial<Record<FaultMode, FieldFault>> = {
  "missing-field": { paths: main, edit: () => undefined },
  "type-change": { paths: main, edit: otherType },
  "null-field": { paths: main, edit: () => null },
  "unknown-enum": {
    paths: ({ enumeration }) => [enumeration],
    edit: (_value, args) => textArg(args, "value") ?? "quantum",
  },
  "wrong-currency": {
    paths: ({ currency }) => [currency],
    edit: (value, args) => textArg(args, "currency") ?? (value === String(value).toUpperCase() ? "EUR" : "eur"),
  },
  "cents-as-dollars": { paths: ({ money }) => [money], edit: (value) => mapNumber(value, (amount) => amount * 100n) },
  negative: {
    paths: main,
    edit: (value) => mapNumber(value, (amount) => (amount === 0n ? -one : amount < 0n ? amount : -amount)),
  },
  huge: {
    paths: main,
    edit: (value, args) => mapNumber(value, () => parseDecimal(textArg(args, "value") ?? "1000000000000000")),
  },
};

/** True for a fault of this file that finds something to change in the answer. */
export function isFieldFault(fault: Fault, answer: Answer): boolean {
  if (fault.mode === "extra-fields") return answer.status === 200 && !(answer.body instanceof TextBody);
  if (fault.mode === "clock-skew") return true;
  return targets(fault, answer).length > 0;
}

/** Changes the answer's body in place and returns the answer to send. */
export function applyFieldFault(fault: Fault, answer: Answer): Answer {
  if (fault.mode === "clock-skew") return skewed(fault.args, answer);
  if (fault.mode === "extra-fields") {
    if (!(answer.body instanceof TextBody)) addFields(answer.body);
    return answer;
  }
  const edit = fieldFaults[fault.mode]?.edit;
  for (const { parent, key, value } of targets(fault, answer)) {
    const changed = edit?.(value, fault.args);
    if (changed === undefined) delete parent[key];
    else parent[key] = changed;
  }
  return answer;
}

function targets({ mode, args }: Fault, { status, body, fields }: Answer): Place[] {
  const fault = fieldFaults[mode];
  if (fault === undefined || status !== 200 || fields === undefined || body instanceof TextBody) return [];
  const asked = textArg(args, "path");
  const paths = asked === undefined ? fault.paths(fields) : [asked];
  const found = paths.flatMap((path) => (path === undefined ? [] : placesAt(body, path)));
  // An absent name is no unknown name.
  const places = mode === "unknown-enum" ? found.filter(({ value }) => value !== null) : found;
  return args["places"] === "first" ? places.slice(0, 1) : places;
}

function otherType(value: Json): Json {
  if (value instanceof NumberLiteral) return value.text;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (isDecimalText(value)) return new NumberLiteral(value);
  return typeof value === "string" ? 17 : "changed";
}

function mapNumber(value: Json, change: (amount: bigint) => bigint): Json {
  if (value instanceof NumberLiteral) return new NumberLiteral(formatDecimal(change(parseDecimal(value.text))));
  if (isDecimalText(value)) return formatDecimal(change(parseDecimal(value)));
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  return new NumberLiteral(formatDecimal(change(BigInt(value) * one)));
}

/** Some vendors write money as text. */
function isDecimalText(value: Json): value is string {
  return typeof value === "string" && /^-?(0|[1-9]\d*)(\.\d{1,12})?$/.test(value);
}

function addFields(value: Json): void {
  if (Array.isArray(value)) for (const element of value) addFields(element);
  if (!isJsonObject(value)) return;
  for (const member of Object.values(value)) addFields(member);
  const addition: JsonObject = { nested: [1, null, "text"] };
  value["x_added_by_vendor"] = addition;
}

/** A vendor whose clock is wrong: its Date header, and with `args.buckets` its bucket times too. */
function skewed(args: FaultArgs, answer: Answer): Answer {
  const seconds = Math.trunc(numberArg(args, "seconds", 3600));
  const { body, fields } = answer;
  if (args["buckets"] === true && !(body instanceof TextBody)) {
    for (const { parent, key, value } of (fields?.times ?? []).flatMap((path) => placesAt(body, path))) {
      if (typeof value === "number") parent[key] = value + seconds;
      if (typeof value === "string") parent[key] = formatInstant(Date.parse(value) / 1000 + seconds);
    }
  }
  return { ...answer, headers: { ...answer.headers, date: new Date(Date.now() + seconds * 1000).toUTCString() } };
}
