import { parse } from "lossless-json";

/** JSON with every number kept as its literal (`LosslessNumber`), or why it is none. */
export type ProviderJson = { value: unknown } | { fault: "cut" | "not_json" };

/** Never goes through a float, so money can be read from what the provider wrote. */
export function providerJson(bytes: Buffer): ProviderJson {
  const text = bytes.toString("utf8");
  try {
    return { value: parse(text) };
  } catch (error) {
    return { fault: endsEarly(error, text.length) ? "cut" : "not_json" };
  }
}

function endsEarly(error: unknown, length: number): boolean {
  if (!(error instanceof SyntaxError)) return false;
  const position = /position (\d+)$/.exec(error.message)?.[1];
  return error.message.includes("reached end of input") || (position !== undefined && Number(position) >= length);
}
