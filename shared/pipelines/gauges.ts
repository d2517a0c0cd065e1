import type { Documents } from "#shared/platform/documents/documents.ts";
import { labelledGauges, plainGauges } from "./gauge-measures.ts";
import { runIndexPath } from "./run-paths.ts";

/** Document `platform/gauges`: what is measured of the whole platform, each minute, by whichever process sweeps. */
interface GaugesDocument {
  /** RFC 3339 UTC, by the store's clock. */
  at: string;
  values: Partial<Record<GaugeName, number>>;
  /** By the value of their label; absent where an earlier release measured. */
  labelled?: Partial<Record<LabelledName, Record<string, number>>>;
}

const gauges = {
  ca_dead_letters_open: "Messages that nobody could handle and nobody has decided about",
  ca_runs_overdue: "Runs whose check is more than five minutes late",
  ca_queue_length: "Runs that wait for a slot",
  ca_quarantine_open: "Quarantines that nobody has decided about",
  ca_outbox_oldest_seconds: "Age of the oldest message that is not with its receiver, rows of history among them",
  ca_ledger_document_bytes_max: "Largest ledger document published to yesterday or today, rounded up",
} as const;
type GaugeName = keyof typeof gauges;

const labelled = {
  ca_tick_lag_seconds: { label: "tick", help: "How long a scheduled function is overdue" },
  ca_warehouse_budget_ratio: { label: "table", help: "Largest share of a day's loads that an organization has used" },
  ca_freshness_days: { label: "provider", help: "Days since the newest day that is published" },
} as const;
type LabelledName = keyof typeof labelled;

const path = "platform/gauges";
/** What nobody has measured for so long is not known. */
const staleMilliseconds = 10 * 60_000;

/**
 * Measures and stores the gauges of `pipelines.md` 17 that concern all organizations together. It reads about 40 documents
 * however many organizations there are, and beside them those that it counts: letters, late, waiting and quarantined ones,
 * each up to a fixed number.
 */
export async function measureGauges(documents: Documents): Promise<void> {
  const { readAt } = await documents.get(runIndexPath("clock"));
  const measured: GaugesDocument = {
    at: readAt.toISOString(),
    values: await plainGauges(readAt, documents),
    labelled: await labelledGauges(readAt, documents),
  };
  await documents.transaction(async (tx) => {
    await tx.get<GaugesDocument>(path);
    tx.set<GaugesDocument>(path, measured);
  });
}

/** The stored gauges as Prometheus text; empty where nobody has measured them lately. */
export async function gaugesText(documents: Pick<Documents, "get">): Promise<string> {
  const { body, readAt } = await documents.get<GaugesDocument>(path);
  if (body === undefined || readAt.getTime() - Date.parse(body.at) > staleMilliseconds) return "";
  const plain = Object.entries(gauges).map(([name, help]) => {
    const value = body.values[name as GaugeName];
    return gaugeText(name, help, value === undefined ? [] : [`${name} ${value}`]);
  });
  const byLabel = Object.entries(labelled).map(([name, { label, help }]) => {
    const values = Object.entries(body.labelled?.[name as LabelledName] ?? {});
    return gaugeText(
      name,
      help,
      values.map(([of, value]) => `${name}{${label}="${of}"} ${value}`),
    );
  });
  return [...plain, ...byLabel].join("\n");
}

function gaugeText(name: string, help: string, samples: readonly string[]): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples, ""].join("\n");
}
