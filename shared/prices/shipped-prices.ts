import { createHash } from "node:crypto";
import { configFile } from "#shared/platform/config-files.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import {
  commitmentVersions,
  infrastructureVersions,
  modelAliases,
  multiplierRows,
  unitPriceRows,
} from "./other-rows.ts";
import { type PaygFiles, paygVersions, type RefusedRow } from "./payg-rows.ts";
import { keyText, type PriceVersion } from "./price.ts";
import type { PriceRelease } from "./price-book.ts";
import type { FileRow } from "./price-rows.ts";
import { withDoubts } from "./price-sanity.ts";

/** The files of `configs/prices/` by name, parsed. */
export type PriceFiles = Readonly<Record<(typeof priceFileNames)[number], readonly FileRow[]>>;

export const priceFileNames = [
  "genai_payg",
  "genai_payg_tiers",
  "genai_commitment",
  "genai_infrastructure",
  "genai_per_unit",
  "model_aliases",
  "multipliers",
] as const;

/** What the installation ships: the content of a release, its hash, and the rows that were left out. */
export interface ShippedPrices extends Omit<PriceRelease, "number"> {
  /** First 16 hex of the SHA-256 of the files: a release is made when it is new. */
  hash: string;
  refused: readonly RefusedRow[];
}

let loaded: Promise<ShippedPrices> | undefined;

/** The price book as it lies in `configs/prices/`, read and checked once. Throws `CONFIG_FILE_INVALID` with every fault. */
export function shippedPrices(): Promise<ShippedPrices> {
  loaded ??= Promise.all(
    priceFileNames.map(async (name) => [name, await configFile(`prices/${name}.csv`)] as const),
  ).then((files) => checkedPrices(Object.fromEntries(files) as unknown as PriceFiles));
  return loaded;
}

/** Checks the rows of all files together. Throws `CONFIG_FILE_INVALID` whose fields are file and line. */
export function checkedPrices(files: PriceFiles): ShippedPrices {
  const faults: FieldProblem[] = [];
  const payg: PaygFiles = { prices: files.genai_payg, tiers: files.genai_payg_tiers };
  // The instant of the release is the release's own: content and hash do not depend on when the files are read.
  const releasedAt = "";
  const tokens = paygVersions(payg, releasedAt);
  faults.push(...tokens.faults);
  const prices = [
    ...tokens.prices.map(withDoubts),
    ...commitmentVersions(files.genai_commitment, releasedAt, faults),
    ...infrastructureVersions(files.genai_infrastructure, releasedAt, faults),
  ];
  const aliases = modelAliases(files.model_aliases, faults);
  const multipliers = multiplierRows(files.multipliers, faults);
  const unitPrices = unitPriceRows(files.genai_per_unit, faults);
  faults.push(...repeatedKeys(prices), ...danglingNames(prices, aliases, multipliers));
  if (faults.length > 0) {
    const first = faults[0];
    const message = `configs/prices has ${faults.length} faults, first ${first?.path} ${first?.problem}`;
    throw new AppError("CONFIG_FILE_INVALID", message, { fields: faults });
  }
  const hash = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
  return { hash, prices, aliases, multipliers, unitPrices, refused: tokens.refused };
}

function repeatedKeys(prices: readonly PriceVersion[]): FieldProblem[] {
  const seen = new Set<string>();
  return prices.flatMap((price) => {
    const key = `${keyText(price)} ${price.effectiveFrom}`;
    const isRepeated = seen.has(key);
    seen.add(key);
    return isRepeated ? [{ path: `/${price.provider}/${price.modelId}`, problem: "is priced twice for one day" }] : [];
  });
}

function danglingNames(
  prices: readonly PriceVersion[],
  aliases: ShippedPrices["aliases"],
  multipliers: ShippedPrices["multipliers"],
): FieldProblem[] {
  const known = new Set(
    prices.filter(({ flow }) => flow === "payg").map((price) => `${price.provider}/${price.modelId}`),
  );
  const unknown = (file: string, names: string[]): FieldProblem[] =>
    names.filter((name) => !known.has(name)).map((name) => ({ path: `/${file}/${name}`, problem: "is not priced" }));
  return [
    ...unknown(
      "model_aliases.csv",
      aliases.map(({ provider, modelId }) => `${provider}/${modelId}`),
    ),
    ...unknown(
      "multipliers.csv",
      multipliers.map(({ provider, model }) => `${provider}/${model}`),
    ),
  ];
}
