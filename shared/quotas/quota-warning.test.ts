import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { finishRun } from "#shared/pipelines/finish.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunAnswer } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { QuotaWarning } from "./quota-warning.ts";

let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
beforeEach(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
});
afterEach(() => world.stop());

async function limited(overrides: SubscriptionDocument["overrides"]): Promise<OrgIdentity> {
  const { org } = await world.onboarded("Warned", "SCALE");
  await ports.documents.transaction(async (tx) => {
    const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
    tx.set(subscriptionPath(org), { ...body, overrides });
  });
  const request = { credential: "sk-admin-sim-warnedaccount" };
  await setUpIntegration(
    { org, provider: "openai", request },
    auditedEffects<SetupAnswer>("integration.set_up", ports),
    ports,
  );
  return org;
}

/** Triggers a run of one day of July; each is a run of its own. */
async function triggered(org: OrgIdentity, day: number, by: EnginePorts = ports): Promise<string | undefined> {
  const date = `2026-07-${String(day).padStart(2, "0")}`;
  const asked = {
    org,
    caller: { kind: "root" as const, credentialId: "root" as const },
    pipeline: (await pipelines()).byAddress("openai/cost/usage_cost"),
    query: {},
    body: { date },
    requestId: "req_test",
    claimedUser: undefined,
    traceparent: undefined,
  };
  const reply = await triggerRun(asked, auditedEffects<RunAnswer>("run.requested", by), by).catch(() => undefined);
  return reply?.body.run_id;
}

function warnings(): QuotaWarning[] {
  const messages = pathsBelow(documents, "outbox/").map((path) => documents.stored.get(path));
  return messages
    .filter((message) => message?.["topic"] === "quota-warning")
    .map((message) => message?.["payload"] as QuotaWarning);
}

const told = (): string[] =>
  warnings()
    .map(({ limit, period, level }) => `${limit} ${period} ${level}`)
    .sort();

describe("the warning of a limit", () => {
  it("says what is used of what, once the crossing is committed", async () => {
    const org = await limited({ daily: 5 });

    for (let day = 1; day <= 4; day++) await triggered(org, day);

    expect(warnings()).toEqual([
      { org: org.key, limit: "daily", period: "2026-08-10", level: 80, used: 4, limit_value: 5, percent: 80 },
    ]);
  });

  it("is sent once per level when 40 runs are asked for at once by two processes, and their highest level is among them", async () => {
    const org = await limited({ daily: 20, monthly: 20 });
    const other: EnginePorts = { ...ports, documents: { ...documents } };

    await Promise.all(Array.from({ length: 31 }, (_, at) => triggered(org, at + 1, at % 2 === 0 ? ports : other)));

    const sent = told();
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent).toEqual(expect.arrayContaining(["daily 2026-08-10 100", "monthly 2026-08 100"]));
  });

  it("is not sent again after refunds, and again in the next period", async () => {
    const org = await limited({ daily: 2, monthly: 100 });
    await triggered(org, 1);
    const second = (await triggered(org, 2)) ?? "";
    const ending = { status: "CANCELLED" as const, reason: "not wanted" };

    await finishRun({ orgKey: org.key, runId: second }, ending, () => true, ports);
    await triggered(org, 3);
    const today = told();
    world.clock.set("2026-08-11T00:00:00Z");
    await triggered(org, 4);
    await triggered(org, 5);

    expect(today).toEqual(["daily 2026-08-10 100"]);
    expect(told()).toEqual(["daily 2026-08-10 100", "daily 2026-08-11 100"]);
  });

  it("of providers is sent when one is connected, and not for a further credential of it", async () => {
    const org = await limited({ providers: 1 });

    const request = { credential: "sk-admin-sim-warnedaccount", credential_name: "the same again" };
    await setUpIntegration(
      { org, provider: "openai", request },
      auditedEffects<SetupAnswer>("x.y", ports),
      ports,
    ).catch(() => undefined);

    expect(told()).toEqual(["providers 2026-08 100"]);
  });
});
