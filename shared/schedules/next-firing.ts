import { crc32 } from "node:zlib";
import { type CronRule, nominalAfter } from "./cron.ts";

/** What decides when a schedule is due next. */
export interface FiringRule extends CronRule {
  configId: string;
  jitterSeconds: number;
}

/** RFC 3339, UTC: the period, and when a tick takes it. */
export interface Firing {
  nominalTime: string;
  dueAt: string;
}

/** The next firing after `from`: the nominal instant, later by what spreads schedules of the same time (`pipelines.md` 12). */
export function nextFiring(rule: FiringRule, from: Date): Firing | undefined {
  const nominal = nominalAfter(rule, from);
  if (nominal === undefined) return undefined;
  return {
    nominalTime: nominal.toISOString(),
    dueAt: new Date(nominal.getTime() + delaySeconds(rule) * 1000).toISOString(),
  };
}

/** Seconds between the nominal instant and the tick, the same for every firing of a schedule. */
export function delaySeconds({ configId, jitterSeconds }: Pick<FiringRule, "configId" | "jitterSeconds">): number {
  return crc32(configId) % (jitterSeconds + 1);
}
