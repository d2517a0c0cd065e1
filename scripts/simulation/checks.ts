import type { OrgIdentity } from "#shared/access/caller.ts";
import { type Entry, monthOf, type PipelineMonth, readEntryKey } from "#shared/ledger/ledger.ts";
import { isTerminal, type PartDocument, type RunDocument } from "#shared/pipelines/run.ts";
import { runCollection } from "#shared/pipelines/run-paths.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { limits } from "./base.ts";
import { days } from "./plan.ts";
import { amountsOf, type SimulatedProvider } from "./provider.ts";
import type { Commit } from "./simulated-documents.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import type { SimulatedBatches } from "./warehouse.ts";

/** What the checks know beside the store. */
export interface Surveyed {
  org: OrgIdentity;
  store: SimulatedStore;
  batches: SimulatedBatches;
  provider: SimulatedProvider;
  /** How many turns there have been: the order of everything. */
  turn(): number;
  /** Seconds for which a process may stop between reading a clock and committing. */
  longestFreeze: number;
}

interface Claimed {
  runId: string;
  at: number;
}

/** Looks at every commit as it happens, and at what is left in the end. Throws at the first rule that does not hold. */
export class Checks {
  readonly #of: Surveyed;
  /** By fence: every claim of the source. */
  readonly #claims = new Map<number, Claimed>();
  readonly #cancelled = new Set<string>();
  /** By run: the process that claimed it last. */
  readonly #holders = new Map<string, object>();
  readonly #transitions = new Set<string>();
  readonly #asked = new Map<string, number>();
  /** Runs that had a unit, and a slot with it. */
  readonly #admitted = new Set<string>();
  /** By run that waits for another slot: the seconds it has left. */
  readonly #left = new Map<string, number>();
  publications = 0;
  /** Seconds from a cancel that was accepted to the end of its run, which frees its slot. */
  slowestCancel = 0;

  constructor(of: Surveyed) {
    this.#of = of;
  }

  /** `by` is the process that committed. */
  committed({ writes }: Commit, by: object): void {
    // What the commit itself cancels or ends has not happened before it.
    const endedBefore = new Set(this.#runs().flatMap((run) => (this.#wasEnded(run, writes) ? [run.runId] : [])));
    for (const { path, before, after } of writes) {
      if (path.startsWith(`${runCollection(this.#of.org.key)}/`))
        this.#runWritten(path, before, after, endedBefore, by);
      if (path.endsWith("/quota/current")) this.#slotsTaken(after as unknown as QuotaDocument);
    }
    for (const { path, before, after } of writes) {
      if (/\/ledger\/[^/]+\/pipelines\//.test(path)) this.#published(path, asMonth(before), asMonth(after));
    }
    for (const { path, after } of writes) {
      const run = after as unknown as RunDocument | undefined;
      if (isRunPath(path, this.#of.org) && run !== undefined && (run.cancel !== null || run.status === "CANCELLED"))
        this.#cancelAccepted(run);
    }
    for (const run of this.#runs()) this.#isWatched(run);
  }

  /** Rows of history that a commit carries: every transition exactly once. */
  history(table: string, rows: readonly Record<string, unknown>[]): void {
    if (table !== "org_meta_state_transitions") return;
    for (const row of rows) {
      const id = String(row["transition_id"]);
      holds(!this.#transitions.has(id), `the transition ${id} is recorded twice`);
      this.#transitions.add(id);
    }
  }

  /** True once nothing is left to do. */
  isAtRest(): boolean {
    return this.#runs().every(({ status }) => isTerminal(status));
  }

  /** When the platform has come to rest. */
  atRest(): void {
    const { org, store } = this.#of;
    const runs = this.#runs();
    for (const run of runs) {
      for (let at = 1; at <= run.transitions; at++) {
        const id = `${run.runId}-${String(at).padStart(6, "0")}`;
        holds(this.#transitions.has(id), `the transition ${id} is missing in the history`);
      }
      holds(run.lease === null, `${run.runId} has ended with a lease`);
      holds(run.unit.state !== "held", `${run.runId} has ended with its unit held`);
    }
    holds(
      this.#transitions.size === runs.reduce((sum, run) => sum + run.transitions, 0),
      "the history has a transition too many",
    );
    for (const left of ["runIndex", `orgs/${org.key}/activeRuns`, `orgs/${org.key}/waitingRuns`])
      holds(store.all(left).length === 0, `${left} still holds ${JSON.stringify(store.all(left))}`);
    this.#countersAreExact(runs);
    this.#loadsAreFew(runs);
  }

  /** After a pull of everything without any fault: the ledger says what the provider says, day by day. */
  isProvidersTruth(): void {
    const { org, store, provider } = this.#of;
    for (const day of days) {
      const month = store
        .all(`orgs/${org.key}/ledger/${monthOf(day)}/pipelines`)
        .map(([, body]) => asMonth(body))
        .flatMap((body) => Object.entries(body?.entries ?? {}));
      const own = month.filter(([key]) => readEntryKey(monthOf(day), key).day === day);
      holds(own.length === 1, `${day} has ${own.length} entries`);
      const version = provider.versionAt(day);
      for (const [, entry] of own)
        holds(versionOf(day, entry) === version, `${day} shows ${JSON.stringify(entry.t)}, not version ${version}`);
    }
  }

  #runs(): RunDocument[] {
    return this.#of.store.all(runCollection(this.#of.org.key)).map(([, body]) => body as unknown as RunDocument);
  }

  #wasEnded(run: RunDocument, writes: Commit["writes"]): boolean {
    const own = writes.find(({ path }) => path.endsWith(`/runs/${run.runId}`));
    const before = own === undefined ? run : (own.before as unknown as RunDocument | undefined);
    return before !== undefined && isTerminal(before.status);
  }

  #runWritten(path: string, before: unknown, after: unknown, endedBefore: ReadonlySet<string>, by: object): void {
    const runId = path.split("/")[3] ?? "";
    const isHolders =
      /\/(steps|parts|quality)\//.test(path) || (after as RunDocument | undefined)?.status === "COMPLETED";
    holds(!isHolders || this.#holders.get(runId) === by, `${path} is written by a process that does not hold the run`);
    holds(!endedBefore.has(runId), `${path} is written after its run had ended`);
    if (!isRunPath(path, this.#of.org)) return;
    const [was, is] = [before as RunDocument | undefined, after as RunDocument];
    if (is.queueState === "published") this.#admitted.add(runId);
    if (was === undefined || was.queueState !== is.queueState) this.#hasItsTime(is, was);
    if (is.fence === (was?.fence ?? 0)) return;
    const isLive = was?.lease != null && Date.parse(was.lease.expiresAt) + 30_000 >= this.#of.store.now().getTime();
    holds(!isLive, `${runId} is claimed while its lease is alive`);
    this.#holders.set(runId, by);
    holds(is.fence > Math.max(0, ...this.#claims.keys()), `${runId} was claimed under the old fence ${is.fence}`);
    this.#claims.set(is.fence, { runId, at: this.#of.turn() });
  }

  /** Whatever the clock of the process that made it said. What it had left when it lost its slot it has again with the next. */
  #hasItsTime({ runId, deadlineAt, queueState, config }: RunDocument, was: RunDocument | undefined): void {
    const seconds = (Date.parse(deadlineAt) - this.#of.store.now().getTime()) / 1000;
    const due = queueState === "waiting_slot" ? 86_400 : (this.#left.get(runId) ?? config.timeout_seconds);
    if (was !== undefined && queueState === "waiting_slot")
      this.#left.set(runId, (Date.parse(was.deadlineAt) - this.#of.store.now().getTime()) / 1000);
    const isRight = seconds <= due && seconds >= due - 60 - this.#of.longestFreeze;
    holds(isRight, `${runId} was given ${seconds} s, not ${due}`);
  }

  #slotsTaken(quota: QuotaDocument): void {
    const now = this.#of.store.now().getTime();
    const live = Object.values(quota.running).filter(({ until }) => Date.parse(until) > now);
    holds(live.length <= limits.concurrent, `${live.length} runs hold slots, of ${limits.concurrent}`);
  }

  #published(path: string, before: PipelineMonth | undefined, after: PipelineMonth | undefined): void {
    const month = path.split("/")[3] ?? "";
    for (const [key, entry] of Object.entries(after?.entries ?? {})) {
      const known = before?.entries[key];
      if (JSON.stringify(known) === JSON.stringify(entry)) continue;
      this.publications += 1;
      this.#dayPublished(readEntryKey(month, key).day, known, entry, after as PipelineMonth);
    }
  }

  #dayPublished(day: string, before: Entry | undefined, entry: Entry, month: PipelineMonth): void {
    const { provider, batches } = this.#of;
    const claimed = this.#claims.get(entry.f);
    holds(claimed !== undefined, `${day} is published under the fence ${entry.f}, which nobody has`);
    holds(!this.#cancelled.has(claimed.runId), `${claimed.runId} publishes ${day} after its cancel was accepted`);
    holds(entry.f >= (before?.f ?? 0), `${day} goes back from the fence ${before?.f} to ${entry.f}`);
    const version = versionOf(day, entry);
    const [oldest, newest] = [provider.versionAt(day, claimed.at), provider.versionAt(day)];
    holds(
      version !== undefined && version >= oldest && version <= newest,
      `${day} shows ${JSON.stringify(entry.t)}, pulled under fence ${entry.f}: not a version from ${oldest} to ${newest}`,
    );
    for (const number of entry.b) {
      const id = month.batches[number]?.id ?? "";
      holds(batches.frames.has(id), `${day} names the batch ${id}, which was never written`);
    }
  }

  #cancelAccepted({ runId, status }: RunDocument): void {
    const now = this.#of.store.now().getTime();
    const askedAt = this.#asked.get(runId) ?? now;
    this.#asked.set(runId, askedAt);
    this.#cancelled.add(runId);
    if (isTerminal(status)) this.slowestCancel = Math.max(this.slowestCancel, (now - askedAt) / 1000);
  }

  /** I3: whoever sweeps finds every run that has not ended, and no other. */
  #isWatched(run: RunDocument): void {
    const isFound = this.#of.store.find(`runIndex/${run.runId}`) !== undefined;
    holds(isFound !== isTerminal(run.status), `${run.runId} is ${run.status}, and in the index: ${isFound}`);
  }

  #countersAreExact(runs: readonly RunDocument[]): void {
    const { org, store } = this.#of;
    const quota = store.find(`orgs/${org.key}/quota/current`)?.body as unknown as QuotaDocument | undefined;
    if (quota === undefined) return;
    const today = runs.filter(({ unit, isCounted }) => isCounted && unit.day === quota.day);
    const admitted = today.filter(({ runId }) => this.#admitted.has(runId));
    const found = {
      slots: quota.running,
      dayRuns: quota.dayRuns,
      succeeded: quota.daySucceeded,
      failed: quota.dayFailed,
    };
    const due = {
      slots: {},
      dayRuns: today.filter(({ unit }) => unit.state === "used").length,
      succeeded: admitted.filter(({ status }) => status === "COMPLETED").length,
      failed: admitted.filter(({ status }) => status !== "COMPLETED").length,
    };
    holds(
      JSON.stringify(found) === JSON.stringify(due),
      `the quota is ${JSON.stringify(found)}, not ${JSON.stringify(due)}`,
    );
  }

  /** A batch is written again only by a process that cannot know whether it was: at most once per attempt of its step. */
  #loadsAreFew(runs: readonly RunDocument[]): void {
    const { org, store, batches } = this.#of;
    for (const run of runs) {
      const parts = store.all(`${runCollection(org.key)}/${run.runId}/parts`) as unknown as [string, PartDocument][];
      for (const [, { batchId, state }] of parts) {
        const writes = batches.writes.get(batchId) ?? 0;
        holds(writes <= run.claims * 3, `${batchId} was written ${writes} times in ${run.claims} claims`);
        holds(state !== "LOADED" || writes > 0, `${batchId} is loaded and was never written`);
      }
    }
  }
}

function holds(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(`broken: ${otherwise}`);
}

function isRunPath(path: string, org: OrgIdentity): boolean {
  return path.startsWith(`${runCollection(org.key)}/`) && path.split("/").length === 4;
}

function asMonth(body: unknown): PipelineMonth | undefined {
  return body as PipelineMonth | undefined;
}

/** The version that a published day shows; undefined where its charges are of several. */
function versionOf(day: string, { t }: Entry): number | undefined {
  const billed = t["USD"]?.[0] ?? "";
  for (let version = 0; version < 20; version++) {
    const [one, other] = amountsOf(day, version);
    if (Math.round((Number(one) + Number(other)) * 1e6) === Math.round(Number(billed) * 1e6)) return version;
  }
  return undefined;
}
