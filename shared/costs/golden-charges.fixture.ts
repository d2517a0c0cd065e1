import { daysBetween } from "./dates.ts";
import type { Charge, Publication } from "./publication.fixture.ts";

const days = (first: string, last: string): string[] => daysBetween(first, last);
const gcp = { provider: "gcp", category: "cloud" };
const openai = { provider: "openai", category: "llm", service: "OpenAI API" };
const anthropic = { provider: "anthropic", category: "llm", service: "Claude API" };
const aws = { provider: "aws", category: "cloud" };

/** The rows of costs.md section 11, by provider; each provider is one source. */
export const goldenCharges: Record<string, Charge[]> = {
  gcp: [
    { ...gcp, day: "2026-03-01", service: "Compute Engine", billed: "12.50", list: "15.00" },
    { ...gcp, day: "2026-03-01", service: "Compute Engine", billed: "-2.50", charge: "Credit" },
    { ...gcp, day: "2026-03-02", service: "Cloud Storage", billed: "8.00", list: "10.00", currency: "EUR" },
    { ...gcp, day: "2026-03-02", category: "llm", service: "Gemini API", billed: "3.333333" },
    { ...gcp, day: "2026-03-03", service: "Tax", billed: "2.31", charge: "Tax" },
    {
      ...gcp,
      day: "2026-03-03",
      service: "Compute Engine",
      billed: "-0.75",
      charge: "Adjustment",
      chargeClass: "Correction",
    },
    { ...gcp, day: "2026-02-03", service: "Compute Engine", billed: "20.00" },
    { ...gcp, day: "2026-02-28", service: "Compute Engine", billed: "100.00" },
  ],
  openai: [
    { ...openai, day: "2026-03-01", billed: "4.21875" },
    { ...openai, day: "2026-03-01", billed: "0.9" },
    { ...openai, day: "2026-03-02", billed: "-1.20", charge: "Credit" },
    { ...openai, day: "2026-03-03", billed: "6.00" },
    { ...openai, day: "2026-03-04", billed: "6.40" },
    { ...openai, day: "2026-02-01", billed: "5.00" },
  ],
  anthropic: [
    { ...anthropic, day: "2026-03-01", billed: "0.000165" },
    { ...anthropic, day: "2026-03-02", billed: "43.125" },
    { ...anthropic, day: "2026-03-04", billed: "40.00" },
    { ...anthropic, day: "2026-02-02", billed: "10.00" },
  ],
  aws: [
    { ...aws, day: "2026-03-01", service: "Savings Plans", billed: "1200.00", effective: "0", charge: "Purchase" },
    {
      ...aws,
      day: "2026-03-02",
      service: "Amazon EC2",
      billed: "0",
      effective: "3.30",
      list: "5.00",
      contracted: "5.00",
    },
  ],
  slack: days("2026-03-01", "2026-03-04").map((day) => ({
    day,
    provider: "slack",
    category: "saas",
    service: "Slack",
    billed: "3.287671232877",
    charge: "Purchase",
  })),
  canva: days("2026-03-01", "2026-03-04").map((day) => ({
    day,
    provider: "canva",
    category: "saas",
    service: "Canva",
    billed: "1.00",
    list: "1.25",
    currency: "EUR",
    charge: "Purchase",
  })),
};

/** Every source published 02-01 .. 03-04, gcp only to 03-03; g19 was 5.50 first. */
export function goldenPublications(): Publication[] {
  const all = Object.entries(goldenCharges).map(([provider, charges]): Publication => {
    const published = days("2026-02-01", provider === "gcp" ? "2026-03-03" : "2026-03-04");
    const emptyDays = published.filter((day) => !charges.some((charge) => charge.day === day));
    return { pipelineId: pipelineOf(provider), charges, emptyDays };
  });
  const first = (charge: Charge): Charge =>
    charge.provider === "openai" && charge.day === "2026-03-03" ? { ...charge, billed: "5.50" } : charge;
  const restated = goldenCharges["openai"]?.filter(({ day }) => day === "2026-03-03") ?? [];
  return [
    ...all.map((publication) => ({ ...publication, charges: publication.charges.map(first) })),
    { pipelineId: pipelineOf("openai"), charges: restated, fence: 2 },
  ];
}

export function pipelineOf(provider: string): string {
  return `${provider}-cost-daily`;
}
