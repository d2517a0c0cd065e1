import { Type } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";
import { configFile } from "#shared/platform/config-files.ts";
import { AppError } from "#shared/runtime/errors.ts";

const strict = { additionalProperties: false };

const CurrencyFile = Type.Object(
  {
    minor_digits: Type.Record(Type.String({ pattern: "^[A-Z]{3}$" }), Type.Integer({ minimum: 0, maximum: 4 }), strict),
  },
  strict,
);

/** Digits of the minor unit by ISO 4217 code. */
export type MinorDigits = ReadonlyMap<string, number>;

let loaded: Promise<MinorDigits> | undefined;

/** What `configs/currencies.yml` says, read once per process: every run asks. Throws `CONFIG_FILE_INVALID`. */
export function loadMinorDigits(): Promise<MinorDigits> {
  loaded ??= configFile("currencies.yml").then(parseMinorDigits);
  return loaded;
}

/** Checks the parsed file. Throws `CONFIG_FILE_INVALID` listing every fault. */
export function parseMinorDigits(file: unknown): MinorDigits {
  if (Check(CurrencyFile, file)) return new Map(Object.entries(file.minor_digits));
  const fields = [...Errors(CurrencyFile, file)].map(({ path, message }) => ({ path, problem: message }));
  throw new AppError("CONFIG_FILE_INVALID", "currencies.yml is not a list of minor digits", { fields });
}

/** Digits of a currency's minor unit. Throws `CURRENCY_UNKNOWN`: guessing 2 would misstate yen and dinars. */
export function minorDigits(currencies: MinorDigits, currency: string): number {
  const digits = currencies.get(currency);
  if (digits === undefined)
    throw new AppError("CURRENCY_UNKNOWN", `not an ISO 4217 currency: ${currency.slice(0, 20)}`);
  return digits;
}
