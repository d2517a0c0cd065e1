import { Cron } from "croner";
import { type HighMarks, highMarksPath } from "#shared/ledger/high-marks.ts";
import type { Documents, Filter } from "#shared/platform/documents/documents.ts";
import { everyPage, type WholeQuery } from "#shared/platform/documents/pages.ts";
import { type OutboxDocument, outboxShards } from "#shared/runtime/outbox.ts";
import { type TickTimes, tickTimesPath } from "#shared/runtime/tick-times.ts";
import { runShards } from "./run-shard.ts";

/** Counting ends here: who sees this number has enough to do. */
const mostCounted = 5000;
/** The same of what may stand for weeks and is counted every minute. */
const mostStanding = 1000;
const overdueMilliseconds = 5 * 60_000;
/** Clocks differ: a tick that begins this much before its time is the one of that time. */
const earlyMilliseconds = 30_000;
const dayMilliseconds = 86_400_000;

const openLetters: WholeQuery = {
  collection: "deadLetters",
  filters: [{ field: "state", is: "==", value: "OPEN" }],
  orderBy: [{ field: "firstAt", direction: "desc" }],
};
const waitingRuns: WholeQuery = {
  collection: "runIndex",
  filters: [{ field: "waiting", is: "==", value: true }],
};

/** Numbers of the whole platform at `now`, the store's clock. */
export async function plainGauges(now: Date, documents: Documents) {
  const { ledgerBytes = {} } = (await documents.get<HighMarks>(highMarksPath)).body ?? {};
  return {
    ca_dead_letters_open: await counted(openLetters, mostCounted, documents),
    ca_runs_overdue: await overdueRuns(new Date(now.getTime() - overdueMilliseconds).toISOString(), documents),
    ca_queue_length: await counted(waitingRuns, mostStanding, documents),
    ca_quarantine_open: await counted(openQuarantines(now), mostStanding, documents),
    ca_outbox_oldest_seconds: await oldestMessageSeconds(now, documents),
    ca_ledger_document_bytes_max: Math.max(0, ...Object.values(ledgerBytes)),
  };
}

/** The same by one label each: function, table, provider. */
export async function labelledGauges(now: Date, documents: Documents) {
  const { ticks = {} } = (await documents.get<TickTimes>(tickTimesPath)).body ?? {};
  const { newestDays = {}, budget } = (await documents.get<HighMarks>(highMarksPath)).body ?? {};
  const today = now.toISOString().slice(0, 10);
  return {
    ca_tick_lag_seconds: mapped(ticks, ({ cron, at }) => lagSeconds(cron, new Date(at), now)),
    ca_warehouse_budget_ratio: budget?.day === today ? budget.shares : {},
    ca_freshness_days: mapped(newestDays, (day) =>
      Math.max(0, (Date.parse(today) - Date.parse(day)) / dayMilliseconds),
    ),
  };
}

/** How long a tick is overdue that began its last work at `at`. */
function lagSeconds(cron: string, at: Date, now: Date): number {
  const due = new Cron(cron, { timezone: "UTC", mode: "5-part" }).nextRun(new Date(at.getTime() + earlyMilliseconds));
  return due === null ? 0 : Math.max(0, now.getTime() - due.getTime()) / 1000;
}

function mapped<Of>(values: Readonly<Record<string, Of>>, by: (value: Of) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, by(value)]));
}

function openQuarantines(now: Date): WholeQuery {
  return {
    collection: "openQuarantines",
    filters: [{ field: "expiresAt", is: ">", value: now.toISOString() }],
    orderBy: [{ field: "expiresAt", direction: "asc" }],
  };
}

async function counted(query: WholeQuery, most: number, documents: Documents): Promise<number> {
  let count = 0;
  for await (const page of everyPage(query, documents)) {
    count += page.documents.length;
    if (count >= most) break;
  }
  return count;
}

async function overdueRuns(until: string, documents: Documents): Promise<number> {
  let count = 0;
  for (let shard = 0; shard < runShards; shard++) {
    const filters: Filter[] = [
      { field: "shard", is: "==", value: shard },
      { field: "nextCheckAt", is: "<=", value: until },
    ];
    const overdue: WholeQuery = {
      collection: "runIndex",
      filters,
      orderBy: [{ field: "nextCheckAt", direction: "asc" }],
    };
    count += await counted(overdue, mostCounted, documents);
  }
  return count;
}

/** Rows of history are messages too: they wait for the next flush, at most. */
async function oldestMessageSeconds(now: Date, documents: Documents): Promise<number> {
  let oldest = now.getTime();
  for (let shard = 0; shard < outboxShards; shard++) {
    const { documents: found } = await documents.list<OutboxDocument>({
      collection: "outbox",
      filters: [
        { field: "shard", is: "==", value: shard },
        { field: "state", is: "==", value: "PENDING" },
      ],
      orderBy: [{ field: "createdAt", direction: "asc" }],
      limit: 1,
    });
    oldest = Math.min(oldest, Date.parse(found[0]?.createdAt ?? now.toISOString()));
  }
  return (now.getTime() - oldest) / 1000;
}
