export const faultModes = [
  "429",
  "500",
  "502",
  "503",
  "529",
  "slow",
  "hang",
  "reset",
  "truncate",
  "truncate-gzip",
  "invalid-json",
  "html-200",
  "error-200",
  "redirect",
  "empty-page",
  "page-loop",
  "repeat-bucket",
  "split-bucket",
  "missing-field",
  "type-change",
  "extra-fields",
  "unknown-enum",
  "null-field",
  "wrong-currency",
  "cents-as-dollars",
  "negative",
  "huge",
  "big-body",
  "clock-skew",
  "key-revoked-midway",
] as const;
export type FaultMode = (typeof faultModes)[number];

/** Settings of a mode; which names a mode reads stands with the mode. */
export type FaultArgs = Readonly<Record<string, unknown>>;

export interface Fault {
  readonly provider: string;
  /** Below the provider's base; default `/`. */
  readonly path_prefix: string;
  readonly mode: FaultMode;
  /** Matching calls that pass unharmed first; default 0. */
  readonly after: number;
  /** How often it strikes before it ends by itself; null = until deleted. Default 1; null for `page-loop` and `key-revoked-midway`, which mean nothing once. */
  readonly count: number | null;
  /** 0 to 1, default 1; drawn from the seed, so the same run meets the same faults. */
  readonly probability: number;
  readonly args: FaultArgs;
  /** Only this account; null = every account. */
  readonly account: string | null;
}

const endless: readonly FaultMode[] = ["page-loop", "key-revoked-midway"];
const fields = ["provider", "path_prefix", "mode", "after", "count", "probability", "args", "account"];

/** Reads one fault from a control call. Throws with a message for the caller. */
export function parseFault(body: unknown, providerNames: readonly string[]): Fault {
  if (!isRecord(body)) throw new Error("a fault is an object");
  const unknownField = Object.keys(body).find((name) => !fields.includes(name));
  if (unknownField !== undefined) throw new Error(`unknown field '${unknownField}'; known: ${fields.join(", ")}`);
  const provider = providerNames.find((name) => name === body["provider"]);
  if (provider === undefined) throw new Error(`provider must be one of ${providerNames.join(", ")}`);
  const mode = faultModes.find((one) => one === String(body["mode"]));
  if (mode === undefined) throw new Error(`mode must be one of ${faultModes.join(", ")}`);
  const { path_prefix = "/", after = 0, probability = 1, args = {}, account = null } = body;
  const count = body["count"] === undefined ? (endless.includes(mode) ? null : 1) : body["count"];
  if (typeof path_prefix !== "string" || !path_prefix.startsWith("/")) throw new Error("path_prefix must start with /");
  if (!isCount(after)) throw new Error("after must be an integer >= 0");
  if (count !== null && !isCount(count)) throw new Error("count must be an integer >= 0 or null");
  if (typeof probability !== "number" || probability < 0 || probability > 1)
    throw new Error("probability must be from 0 to 1");
  if (!isRecord(args)) throw new Error("args must be an object");
  if (account !== null && typeof account !== "string") throw new Error("account must be a string or null");
  return { provider, path_prefix, mode, after, count, probability, args, account };
}

/** A number from the args, or the usual one. */
export function numberArg(args: FaultArgs, name: string, usual: number): number {
  const value = args[name];
  return typeof value === "number" && Number.isFinite(value) ? value : usual;
}

/** A text from the args; undefined when absent. */
export function textArg(args: FaultArgs, name: string): string | undefined {
  const value = args[name];
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
