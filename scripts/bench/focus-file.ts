import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { addDays } from "#shared/costs/dates.ts";
import { charges, correction, type MonthRows, orgYear, services, unitsText } from "./org-year.ts";

const header = [
  "BilledCost",
  "BillingAccountId",
  "BillingAccountName",
  "BillingCurrency",
  "BillingPeriodStart",
  "BillingPeriodEnd",
  "ChargeCategory",
  "ChargeClass",
  "ChargeDescription",
  "ChargeFrequency",
  "ChargePeriodStart",
  "ChargePeriodEnd",
  "ContractedCost",
  "EffectiveCost",
  "InvoiceIssuerName",
  "ListCost",
  "ProviderName",
  "PublisherName",
  "ServiceCategory",
  "ServiceName",
];

/** Writes the generated year as one FOCUS CSV. Answers the exact sums of billed and effective cost in 10^-12 dollars. */
export async function writeFocusFile(
  path: string,
  asked: { rows: number; seed: number },
): Promise<{ billed: bigint; effective: bigint }> {
  const file = createWriteStream(path);
  file.write(`${header.join(",")}\n`);
  const sums = { billed: 0n, effective: 0n };
  for (const rows of orgYear(asked.rows, asked.seed)) {
    const lines: string[] = [];
    for (let row = 0; row < rows.rows; row++) {
      lines.push(lineOf(rows, row));
      sums.billed += BigInt(rows.billed[row] ?? 0);
      sums.effective += BigInt(rows.effective[row] ?? 0);
    }
    if (lines.length > 0 && !file.write(`${lines.join("\n")}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
  return sums;
}

function lineOf(rows: MonthRows, row: number): string {
  const service = services[rows.service[row] ?? 0];
  const charge = charges[rows.charge[row] ?? 0] ?? "";
  const day = rows.days[rows.day[row] ?? 0] ?? "";
  const [firstDay, lastDay] = [`${rows.month}-01`, rows.days.at(-1) ?? ""];
  return [
    unitsText(rows.billed[row] ?? 0),
    "account",
    "Account",
    "USD",
    midnight(firstDay),
    midnight(addDays(lastDay, 1)),
    charge,
    rows.isCorrection[row] === 1 ? correction : "",
    `${charge} of row ${row}`,
    charge === "Purchase" ? "Recurring" : "Usage-Based",
    midnight(day),
    midnight(addDays(day, 1)),
    unitsText(rows.contracted[row] ?? 0),
    unitsText(rows.effective[row] ?? 0),
    service?.provider,
    unitsText(rows.list[row] ?? 0),
    service?.provider,
    service?.provider,
    service?.serviceCategory,
    service?.name,
  ].join(",");
}

function midnight(day: string): string {
  return `${day}T00:00:00Z`;
}
