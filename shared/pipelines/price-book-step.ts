import type { CurrentRelease } from "#shared/prices/releases.ts";
import { currentRelease, currentReleasePath } from "#shared/prices/releases.ts";
import { shippedPrices } from "#shared/prices/shipped-prices.ts";
import { findings } from "#shared/providers/findings.ts";
import { daysOf } from "./range.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";
import type { StepInput } from "./step-work.ts";

/**
 * The step `prices.release`: makes the shipped prices a release of the book where their content was never released, and
 * names the rows that were left out and those another source speaks against. Whoever looks for a price first does the
 * same; then there is nothing left to do. Source: `prices-and-plans.md` A1, A5.
 */
export async function priceBookStep(_input: StepInput, { claim, ports }: RunSession): Promise<StepProduct> {
  const { run } = claim;
  const shipped = await shippedPrices();
  const { body: before } = await ports.documents.get<CurrentRelease>(currentReleasePath);
  const isNew = before?.shippedHashes.includes(shipped.hash) !== true;
  if (isNew && !run.dryRun) await currentRelease(ports);
  const found = findings();
  for (const { row, problem } of shipped.refused) found.add("price_refused", row, problem);
  for (const { provider, modelId, dissent } of shipped.prices) {
    for (const { source, meter, value, in_use, difference_pct } of dissent)
      found.add(
        "price_dissent",
        `${provider}/${modelId}/${meter}`,
        `${in_use} is in use, ${source} says ${value} (${difference_pct} %)`,
      );
  }
  const days = daysOf(run.range);
  const today = run.range.end;
  return {
    sources: { [run.credentialId]: Object.fromEntries(days.map((day) => [day, "complete" as const])) },
    parts: [],
    rowCount: isNew ? shipped.prices.length : 0,
    warnings: [],
    findings: found.list(),
    dayFences: {},
    stored: isNew ? { added: [today], unchanged: [] } : { added: [], unchanged: [today] },
  };
}
