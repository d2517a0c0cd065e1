import type { Scheduler } from "fast-check";
import { AppError } from "#shared/runtime/errors.ts";

/** What happens at one turn of the simulation; `seconds` are virtual. */
export interface Fault {
  /** Which of all turns, from 1. */
  at: number;
  kind: "crash" | "freeze" | "fails before" | "fails after" | "beaten";
  seconds: number;
}

/** What all processes of a simulation share. */
export interface Turns {
  scheduler: Scheduler;
  /** By number of the turn. */
  faults: Map<number, Fault>;
  count: number;
  sleep(milliseconds: number): Promise<void>;
  /** For whoever reads a failure. */
  trace(line: string): void;
}

const never = (): Promise<never> => new Promise<never>(() => {});

/**
 * One process of the platform: everything it does outside itself is a turn, which the scheduler orders among the turns of
 * all others, and at which it may die, freeze, or be told of a failure.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly #turns: Turns;
  #thaw: Promise<void> = Promise.resolve();
  #die: () => void = () => {};
  #debt = false;
  isDead = false;
  readonly died: Promise<void>;

  constructor(name: string, turns: Turns) {
    this.name = name;
    this.#turns = turns;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  /** Waits for its turn; never settles for a dead process. Answers the fault that the caller has to bring about. */
  async turn(label: string): Promise<Fault["kind"] | undefined> {
    const turns = this.#turns;
    if (this.isDead) return never();
    await turns.scheduler.schedule(Promise.resolve(), `${this.name} ${label}`);
    await this.#thaw;
    if (this.isDead) return never();
    turns.count += 1;
    const fault = turns.faults.get(turns.count);
    if (fault === undefined) return undefined;
    turns.trace(`turn ${turns.count}: ${this.name} ${label}: ${fault.kind} ${fault.seconds} s`);
    if (fault.kind === "crash") return this.kill();
    if (fault.kind !== "freeze") return fault.kind;
    const thaw = turns.sleep(fault.seconds * 1000);
    this.#thaw = thaw;
    await thaw;
    return this.isDead ? never() : undefined;
  }

  /** The next commit is to be answered with a failure although it stands. */
  owe(): void {
    this.#debt = true;
  }

  takesDebt(): boolean {
    const isOwed = this.#debt;
    this.#debt = false;
    return isOwed;
  }

  refuse(code: string, label: string): never {
    throw unavailable(code, label);
  }

  /** A call that may fail with `code`, before or after it had its effect. */
  async call<T>(label: string, code: string, effect: () => T | Promise<T>): Promise<T> {
    const fault = await this.turn(label);
    if (fault === "fails before") throw unavailable(code, label);
    const result = await effect();
    if (fault === "fails after") throw unavailable(code, label);
    return result;
  }

  /** Ends the process here: nothing it has begun comes back. */
  kill(): Promise<never> {
    this.isDead = true;
    this.#die();
    return never();
  }
}

function unavailable(code: string, label: string): AppError {
  return new AppError(code, `${label}: no answer in the simulation`, { retryable: true });
}
