const places = 12;
export const one = 10n ** BigInt(places);

/** A decimal text with at most 12 places as an integer number of 10^-12. Throws on anything else. */
export function parseDecimal(text: string): bigint {
  const match = /^(-?)(\d{1,30})(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) throw new Error(`not a decimal with at most ${places} places: ${text}`);
  const [, sign, whole = "", fraction = ""] = match;
  const value = BigInt(whole + fraction.padEnd(places, "0"));
  return sign === "-" ? -value : value;
}

/** The shortest plain decimal text (no exponent) of an integer number of 10^-12. */
export function formatDecimal(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  const sign = value < 0n ? "-" : "";
  return sign + digits.slice(0, -places) + (fraction === "" ? "" : `.${fraction}`);
}

/** A price per million units as 10^-12 per unit. Throws when that is no integer, because reported money must equal units x price exactly. */
export function pricePerUnit(perMillion: string): bigint {
  const value = parseDecimal(perMillion);
  if (value % 1_000_000n !== 0n) throw new Error(`price per million has too many places: ${perMillion}`);
  return value / 1_000_000n;
}
