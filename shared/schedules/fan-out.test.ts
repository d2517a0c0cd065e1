import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import { type LocaleAnswer, updateLocale } from "#shared/organizations/locale-update.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { schedulesWhenUsable } from "./default-schedules.ts";
import { runShard } from "./due-schedules.ts";
import { scheduleShards } from "./new-schedule.ts";
import { schedulesInZone } from "./zone-change.ts";

/** By zone the UTC hour of 2 a.m. on 2026-08-11. */
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
];
const organizations = 50;

describe("schedules of 50 organizations with two pipelines each", () => {
  let world: World;
  const orgs: OrgIdentity[] = [];

  beforeAll(async () => {
    world = await startWorld({ now: "2026-08-10T13:20:00Z" });
    for (let at = 0; at < organizations; at++) {
      const { org } = await world.onboarded(`fan_${at}`);
      await connected(org, "openai", `sk-admin-sim-fanaccount${at}`);
      await connected(org, "anthropic", `sk-ant-admin-sim-fanaccount${at}`);
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

  it("start once a day, each at its own hour, and all of them within five minutes", async () => {
    const end = Date.parse("2026-08-11T13:45:00Z");
    let longest = 0;
    for (let at = Date.parse("2026-08-10T13:30:00Z"); at <= end; at += 15 * 60_000) {
      world.clock.set(new Date(at).toISOString());
      const begun = performance.now();
      const tick = () => Array.from({ length: scheduleShards }, (_, shard) => runShard({ v: 1, shard }, world.ports));
      await Promise.all([...tick(), ...tick()]);
      longest = Math.max(longest, performance.now() - begun);
    }

    for (const [at, org] of orgs.entries()) {
      const [, hour = ""] = zones[at % zones.length] ?? [];
      const quarter = new Date(Date.parse(`${hour}Z`) + 15 * 60_000).toISOString().slice(0, 16);
      expect(await periodsOf(org), org.slug).toEqual([`anthropic ${quarter}`, `openai ${hour}`]);
    }
    expect(longest).toBeLessThan(60_000);
  }, 180_000);
});
