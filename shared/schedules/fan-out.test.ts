import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interruptedAt, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { type LocaleAnswer, updateLocale } from "#shared/organizations/locale-update.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { schedulesWhenUsable } from "./default-schedules.ts";
import { runShard } from "./due-schedules.ts";
import { scheduleShards } from "./new-schedule.ts";
import { schedulesInZone } from "./zone-change.ts";

/** By zone the UTC hour of its first 2 a.m. after the beginning, which on some clocks is one of 2026-08-12. */
const zones: readonly (readonly [string, string])[] = [
  ["Pacific/Auckland", "2026-08-10T14:00"],
  ["Asia/Tokyo", "2026-08-10T17:00"],
  ["Asia/Kolkata", "2026-08-10T20:30"],
  ["Asia/Kathmandu", "2026-08-10T20:15"],
  ["Europe/Berlin", "2026-08-11T00:00"],
  ["UTC", "2026-08-11T02:00"],
  ["America/St_Johns", "2026-08-11T04:30"],
  ["America/New_York", "2026-08-11T06:00"],
  ["America/Los_Angeles", "2026-08-11T09:00"],
  ["Pacific/Pago_Pago", "2026-08-11T13:00"],
  ["Pacific/Apia", "2026-08-11T13:00"],
  ["Pacific/Chatham", "2026-08-11T13:15"],
  ["Pacific/Kiritimati", "2026-08-11T12:00"],
  ["Australia/Lord_Howe", "2026-08-10T15:30"],
  ["Australia/Adelaide", "2026-08-10T16:30"],
  ["Australia/Eucla", "2026-08-10T17:15"],
  ["Indian/Cocos", "2026-08-10T19:30"],
  ["Asia/Tehran", "2026-08-10T22:30"],
  ["America/Sao_Paulo", "2026-08-11T05:00"],
  ["Pacific/Marquesas", "2026-08-11T11:30"],
];
const organizations = 100;
/** Every third has a second pipeline; three and the number of zones have no divisor, so that some of every zone have. */
const hasSecond = (at: number): boolean => at % 3 === 0;

// pipelines.md, shown done 8
describe("schedules of 100 organizations in 20 zones", () => {
  let world: World;
  const orgs: OrgIdentity[] = [];

  beforeAll(async () => {
    world = await startWorld({ now: "2026-08-10T13:35:00Z" });
    for (let at = 0; at < organizations; at++) {
      const { org } = await world.onboarded(`fan_${at}`);
      await connected(org, "openai", `sk-admin-sim-fanaccount${at}`);
      if (hasSecond(at)) await connected(org, "anthropic", `sk-ant-admin-sim-fanaccount${at}`);
      const request = { default_timezone: zones[at % zones.length]?.[0] ?? "" };
      await updateLocale({ org, request, whenZoneChanges: schedulesInZone }, plainEffects<LocaleAnswer>(world.ports));
      orgs.push(org);
    }
  }, 180_000);
  afterAll(() => world.stop());

  async function connected(org: OrgIdentity, provider: string, credential: string): Promise<void> {
    const asked = { org, provider, request: { credential }, whenUsable: schedulesWhenUsable };
    await setUpIntegration(asked, plainEffects<SetupAnswer>(world.ports), world.ports);
  }

  async function periodsOf(org: OrgIdentity): Promise<string[]> {
    const page = await world.ports.documents.list<RunDocument>({
      collection: `orgs/${org.key}/runs`,
      orderBy: [{ field: "createdAt", direction: "desc" }],
      limit: 20,
    });
    return page.documents.map(({ body }) => `${body.provider} ${body.scheduledFor?.slice(0, 16)}`).sort();
  }

  const shards = (ports: EnginePorts) =>
    Array.from({ length: scheduleShards }, (_, shard) => runShard({ v: 1, shard }, ports));

  /** A tick whose process dies with its k-th schedule; false when there were fewer. */
  async function killedTick(k: number): Promise<boolean> {
    const { ports, crashed, isReached } = interruptedAt(k, "crashes after", world.ports);
    await untilInterrupted(Promise.all(shards(ports)), crashed);
    return isReached();
  }

  it("start once a day, each at its own hour, also where the process dies at any of them", async () => {
    const end = Date.parse("2026-08-11T13:45:00Z");
    let longest = 0;
    const killedAt = new Set<number>();
    for (let at = Date.parse("2026-08-10T13:45:00Z"); at <= end; at += 15 * 60_000) {
      world.clock.set(new Date(at).toISOString());
      const begun = performance.now();
      const k = 1 + ((at / (15 * 60_000)) % 6);
      if (await killedTick(k)) killedAt.add(k);
      await Promise.all([...shards(world.ports), ...shards(world.ports)]);
      longest = Math.max(longest, performance.now() - begun);
    }

    for (const [at, org] of orgs.entries()) {
      const [, hour = ""] = zones[at % zones.length] ?? [];
      const quarter = new Date(Date.parse(`${hour}Z`) + 15 * 60_000).toISOString().slice(0, 16);
      const second = hasSecond(at) ? [`anthropic ${quarter}`] : [];
      expect(await periodsOf(org), org.slug).toEqual([...second, `openai ${hour}`]);
    }
    expect(killedAt.size).toBeGreaterThan(2);
    expect(longest).toBeLessThan(60_000);
  }, 180_000);
});
