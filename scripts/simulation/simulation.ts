import type { Scheduler } from "fast-check";
import { plainEffects } from "#scripts/e2e/world.ts";
import { admitWaiting } from "#shared/pipelines/admission.ts";
import { type CancelAnswer, cancelRun } from "#shared/pipelines/cancel.ts";
import { keepDeadLetter } from "#shared/pipelines/dead-letters.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunMessage } from "#shared/pipelines/run-message.ts";
import { runCollection } from "#shared/pipelines/run-paths.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { sweepRuns } from "#shared/pipelines/sweeper.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import type { Delivery } from "#shared/platform/topics/topics.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { type OutboxDocument, sweepOutbox } from "#shared/runtime/outbox.ts";
import type { SimulationBase } from "./base.ts";
import { SimulatedBroker } from "./broker.ts";
import { cancelledAgain } from "./cancelled-again.ts";
import { Checks } from "./checks.ts";
import { days, type Operation, type Plan } from "./plan.ts";
import { SimulatedProcess, type Turns } from "./process.ts";
import { numberedIds, type Outside, processPorts } from "./process-ports.ts";
import { SimulatedProvider, simulatedAdapter } from "./provider.ts";
import type { Commit, SharedStore } from "./simulated-documents.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { settled, sleep, sleepUntil, type VirtualTime } from "./virtual-time.ts";
import type { SimulatedBatches } from "./warehouse.ts";

const start = Date.parse("2026-08-10T06:00:00Z");
const longestMilliseconds = 30 * 3_600_000;
const tickSeconds = 60;

export interface Outcome {
  turns: number;
  claims: number;
  publications: number;
  /** Seconds. */
  slowestCancel: number;
  /** What a cancel says of every cancelled run, asked twice more. */
  repeated: [CancelAnswer, CancelAnswer][];
  statuses: string[];
  hours: number;
}

/** One platform of many processes under one plan. */
export class Simulation {
  readonly #base: SimulationBase;
  readonly #plan: Plan;
  readonly #time: VirtualTime;
  readonly #turns: Turns;
  readonly #shared: SharedStore;
  readonly #batches: SimulatedBatches = { frames: new Map(), writes: new Map() };
  readonly #provider: SimulatedProvider;
  readonly #broker: SimulatedBroker;
  readonly #checks: Checks;
  readonly #outside: Omit<Outside, "skewSeconds">;
  readonly #servers: SimulatedProcess[] = [];
  readonly #lines: string[] = [];
  #processes = 0;
  #pending = 0;
  #ticks = 0;
  #isTicking = false;
  #isPaused = false;
  #failure: unknown;

  constructor(base: SimulationBase, plan: Plan, scheduler: Scheduler, time: VirtualTime) {
    this.#base = base;
    this.#plan = plan;
    this.#time = time;
    const store = new SimulatedStore(base.declared, () => this.#now());
    this.#shared = { store, commits: 0 };
    for (const [path, body] of base.documents) store.put(path, body, 0);
    this.#provider = new SimulatedProvider(plan.provider);
    const trace = (line: string): void => this.#trace(line);
    const faults = new Map(plan.faults.map((fault) => [fault.at, fault]));
    this.#turns = { scheduler, faults, count: 0, sleep, trace };
    const deliver = (delivery: Delivery): Promise<boolean> => this.#delivered(delivery);
    this.#broker = new SimulatedBroker({ faults: plan.messages, sleep, now: () => this.#now(), deliver, trace });
    this.#outside = {
      ...{ shared: this.#shared, batches: this.#batches, base, newId: numberedIds(), now: () => this.#now() },
      accept: (messages) => this.#broker.accept(messages),
      committed: (commit, process) => this.#committed(commit, process),
    };
    const { org } = base;
    const turn = (): number => this.#turns.count;
    const longestFreeze = Math.max(
      0,
      ...plan.faults.filter(({ kind }) => kind === "freeze").map(({ seconds }) => seconds),
    );
    const surveyed = { org, store, batches: this.#batches, provider: this.#provider, turn, longestFreeze };
    this.#checks = new Checks(surveyed);
  }

  /** Carries the plan out, lets the platform come to rest, and pulls everything once more without a fault. */
  async run(): Promise<Outcome> {
    for (const operation of this.#plan.operations) this.#operateLater(operation.at, () => this.#operate(operation));
    this.#tickLater();
    await this.#drive(() => this.#isAtRest());
    this.#checks.atRest();
    const { publications, slowestCancel } = this.#checks;
    const repeated = await cancelledAgain(this.#runs(), this.#shared, this.#ports(this.#process("again")));
    await this.#pullAll();
    this.#checks.isProvidersTruth();
    const runs = this.#runs();
    return {
      turns: this.#turns.count,
      claims: runs.reduce((sum, { claims }) => sum + claims, 0),
      publications,
      slowestCancel,
      repeated,
      statuses: runs.map(({ status, error }) => error?.code ?? status),
      hours: this.#time.elapsed() / 3_600_000,
    };
  }

  /** What has happened, for whoever reads a failure. */
  story(): string {
    return this.#lines.join("\n");
  }

  /** At the next midnight, when the quota is new. */
  async #pullAll(): Promise<void> {
    this.#isPaused = true;
    this.#turns.faults.clear();
    this.#provider.calm();
    this.#broker.calm();
    this.#operateLater((Date.parse("2026-08-11T00:05:00Z") - start - this.#time.elapsed()) / 1000, () => {
      this.#isPaused = false;
      if (!this.#isTicking) this.#tickLater();
      return this.#trigger({ start_date: days[0], end_date: days.at(-1) ?? "" }, this.#process("last"));
    });
    await this.#drive(() => this.#isAtRest());
    const last = this.#runs().at(-1);
    if (last?.status !== "COMPLETED")
      throw new Error(`broken: the last pull, without faults, ends ${last?.status} ${last?.error?.code ?? ""}`);
    this.#checks.atRest();
  }

  async #drive(isOver: () => boolean): Promise<void> {
    const { scheduler } = this.#turns;
    const deadline = this.#time.elapsed() + longestMilliseconds;
    for (;;) {
      await settled(() => scheduler.count() > 0);
      if (this.#failure !== undefined) throw this.#failure;
      if (scheduler.count() > 0) await scheduler.waitOne();
      else if (isOver()) return;
      else this.#time.advance();
      if (this.#time.elapsed() > deadline) throw new Error("broken: the platform does not come to rest in 30 hours");
    }
  }

  #isAtRest(): boolean {
    if (this.#pending > 0 || this.#broker.outstanding > 0 || !this.#checks.isAtRest()) return false;
    return this.#shared.store.all("outbox").every(([, body]) => (body as unknown as OutboxDocument).state === "DONE");
  }

  #operate(operation: Operation): Promise<void> {
    if (operation.kind === "restate") {
      const day = days[operation.day] ?? days[0];
      this.#trace(`${day} is restated`);
      this.#provider.restate(day, this.#turns.count);
      return Promise.resolve();
    }
    if (operation.kind === "cancel") return this.#cancel(operation.which);
    const { from, days: count, isForced, mayWait } = operation;
    const end = days[Math.min(days.length - 1, from + count - 1)] ?? "";
    const request = { start_date: days[from] ?? "", end_date: end, force_refresh: isForced, queue: mayWait };
    return this.#trigger(request, this.#server(operation.server));
  }

  async #trigger(request: RunRequest, server: SimulatedProcess): Promise<void> {
    const ports = this.#ports(server);
    const pipeline = (await pipelines()).byAddress("openai/cost/usage_cost");
    const caller = { kind: "root" as const, credentialId: "root" as const };
    const asked = { org: this.#base.org, caller, pipeline, query: {}, body: request, requestId: "req_simulated" };
    const call = { ...asked, claimedUser: undefined, traceparent: undefined };
    await this.#during(server, triggerRun(call, plainEffects<RunAnswer>(ports), ports), "trigger");
  }

  async #cancel(which: number): Promise<void> {
    const run = this.#runs()[which];
    if (run === undefined) return;
    const server = this.#process("cancel");
    const asked = { org: this.#base.org, runId: run.runId, reason: "simulated" };
    await this.#during(server, cancelRun(asked, plainEffects<CancelAnswer>(this.#ports(server))), "cancel");
  }

  /** A refusal and a failing port are answers; anything else is a fault of ours. */
  async #during(process: SimulatedProcess, work: Promise<unknown>, name: string): Promise<boolean> {
    const settled = work.then(
      () => true,
      (error: unknown) => {
        if (!isAppError(error)) this.#failure ??= error;
        this.#trace(`${process.name} ${name}: ${error instanceof Error ? error.message : String(error)}`);
        return false;
      },
    );
    return Promise.race([settled, process.died.then(() => false)]);
  }

  async #delivered({ topic, payload, attributes, messageId, deliveryAttempt }: Delivery): Promise<boolean> {
    const process = this.#process(`${topic} ${messageId}.${deliveryAttempt}`);
    const ports = this.#ports(process);
    const handled = this.#during(
      process,
      this.#handled(topic, payload, { attributes, messageId, deliveryAttempt }, process, ports),
      "message",
    );
    // The acknowledgement is a message too.
    const isDone = await handled;
    return isDone && (await Promise.race([process.turn("ack").then(() => true), process.died.then(() => false)]));
  }

  async #handled(
    topic: string,
    payload: unknown,
    envelope: { attributes: Readonly<Record<string, string>>; messageId: string; deliveryAttempt: number },
    process: SimulatedProcess,
    ports: EnginePorts,
  ): Promise<void> {
    if (topic === "dead-letter") return keepDeadLetter({ payload, ...envelope }, ports);
    if (topic === "admit-queue") {
      await admitWaiting((payload as { org: string }).org, ports);
      return;
    }
    if (!topic.startsWith("pipeline-")) return;
    const waiting = {
      now: () => this.#now().getTime(),
      sleep: (ms: number, signal: AbortSignal) => sleepUntil(ms, signal),
    };
    const softDeadlineMilliseconds = this.#plan.softDeadlineSeconds * 1000;
    const times = { softDeadlineMilliseconds, hardStopMilliseconds: softDeadlineMilliseconds + 80_000 };
    await processRun(payload as RunMessage, ports, { ...times, waiting, adapterOf: () => this.#adapter(process) });
  }

  #adapter(process: SimulatedProcess) {
    return simulatedAdapter({
      version: (day) => this.#provider.versionAt(day),
      turn: async (signal) => {
        await process.turn("page");
        this.#provider.answer();
        if (this.#plan.pageSeconds > 0) await sleepUntil(this.#plan.pageSeconds * 1000, signal);
      },
    });
  }

  /** Ticks go on as the plan says, then every minute, for as long as there is anything to do. */
  #tickLater(): void {
    this.#isTicking = true;
    const { gap, times } = this.#plan.ticks[this.#ticks] ?? { gap: tickSeconds, times: 1 };
    this.#ticks += 1;
    this.#later(gap, async () => {
      this.#isTicking = false;
      if (this.#isPaused) return;
      this.#tickLater();
      await Promise.all(Array.from({ length: times }, () => this.#tick()));
    });
  }

  async #tick(): Promise<void> {
    const process = this.#process("tick");
    const ports = this.#ports(process);
    const sweep = async (): Promise<void> => {
      await sweepOutbox(ports.clock.now(), ports);
      await sweepRuns(ports);
    };
    await this.#during(process, sweep(), "sweep");
  }

  #operateLater(seconds: number, work: () => Promise<void>): void {
    this.#pending += 1;
    this.#later(seconds, async () => {
      await work();
      this.#pending -= 1;
    });
  }

  #later(seconds: number, work: () => Promise<void>): void {
    const failed = (error: unknown): void => {
      this.#failure ??= error;
    };
    setTimeout(() => void work().catch(failed), seconds * 1000);
  }

  #server(number: number): SimulatedProcess {
    const known = this.#servers[number];
    if (known !== undefined && !known.isDead) return known;
    const fresh = this.#process(`server ${number}`);
    this.#servers[number] = fresh;
    return fresh;
  }

  #process(name: string): SimulatedProcess {
    this.#processes += 1;
    return new SimulatedProcess(`${this.#processes}:${name}`, this.#turns);
  }

  readonly #portsOf = new WeakMap<SimulatedProcess, EnginePorts>();

  /** The ports of a process are made once: what its requests share hangs on them. */
  #ports(process: SimulatedProcess): EnginePorts {
    const { skews } = this.#plan;
    const skewSeconds = skews[this.#processes % skews.length] ?? 0;
    const known = this.#portsOf.get(process) ?? processPorts(process, { ...this.#outside, skewSeconds });
    this.#portsOf.set(process, known);
    return known;
  }

  /** The history is flushed at once, and what is delivered is forgotten: neither is what is simulated here. */
  #committed(commit: Commit, process: SimulatedProcess): void {
    for (const { path, before, after } of commit.writes) {
      this.#tellRun(path, before, after, process);
      if (!path.startsWith("outbox/") || after === undefined) continue;
      const { topic, payload } = after as unknown as OutboxDocument;
      if (topic !== "history") continue;
      const { table, rows } = payload as { table: string; rows: Record<string, unknown>[] };
      this.#checks.history(table, rows);
      this.#shared.store.remove(path, commit.number);
    }
    try {
      this.#checks.committed(commit, process);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #tellRun(path: string, before: unknown, after: unknown, process: SimulatedProcess): void {
    if (!path.startsWith(`${runCollection(this.#base.org.key)}/`) || path.split("/").length !== 4) return;
    const [was, is] = [before as RunDocument | undefined, after as RunDocument];
    const of = (run: RunDocument | undefined) =>
      run && `${run.status} fence ${run.fence} lease ${run.lease?.holder ?? "-"}${run.cancel ? " cancel" : ""}`;
    if (of(was) !== of(is)) this.#trace(`${process.name}: ${is.runId.slice(-4)} ${of(is)}`);
  }

  #runs(): RunDocument[] {
    const runs = this.#shared.store.all(runCollection(this.#base.org.key));
    return runs.map(([, body]) => body as unknown as RunDocument);
  }

  #now(): Date {
    return new Date(start + this.#time.elapsed());
  }

  #trace(line: string): void {
    this.#lines.push(`${(this.#time.elapsed() / 1000).toFixed(0).padStart(6)} s  ${line}`);
  }
}
