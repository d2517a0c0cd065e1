import { afterAll, beforeAll, expect, it } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { schedulesWhenPlanned } from "#shared/schedules/default-schedules.ts";
import type { PlanVersion } from "./plan.ts";
import { createPlan, type PlanCreated } from "./plan-create.ts";
import { editPlanVersion, type PlanEdited, type PlanUpdated, updatePlan } from "./plan-edit.ts";
import { endPlan, type PlanEnded, type PlanToggled, togglePlan } from "./plan-end.ts";
import type { PlanLineDocument } from "./plan-store.ts";
import { disableProvider, type ProviderDisabled, type ProviderEnabled, resetProvider } from "./provider-switch.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
let world: World;
let documents: RecordedDocuments;
let ports: EnginePorts;
let org: OrgIdentity;
let providers = 0;

beforeAll(async () => {
  world = await startWorld({ now: "2026-08-10T12:00:00Z" });
  documents = recordedDocuments(world.ports.documents);
  ports = { ...world.ports, documents };
  ({ org } = await world.onboarded("planned"));
});
afterAll(() => world.stop());

/** A provider of its own with one plan in force, and how many runs had been asked for by then. */
interface Planned {
  provider: string;
  subscriptionId: string;
  runs: number;
}

async function create(provider: string, planName: string, by: EnginePorts = ports): Promise<unknown> {
  const request = { plan_name: planName, unit_price: "25", seats: 10, start_date: "2026-08-01" };
  const asked = { org, caller, provider, request, whenPlanned: schedulesWhenPlanned };
  return createPlan(asked, auditedEffects<PlanCreated>("saas_plan.created", by), by);
}

async function planned(): Promise<Planned> {
  providers += 1;
  const provider = `provider_${String(providers).padStart(4, "0")}`;
  await create(provider, "TEAM");
  return { provider, subscriptionId: versionsOf(provider)[0]?.subscriptionId ?? "", runs: runsAskedFor() };
}

function bodies<T extends object>(start: string): T[] {
  return pathsBelow(documents, start).map((path) => documents.stored.get(path) as T);
}

function bodiesOf<T extends object>(start: string, provider: string): T[] {
  return bodies<T>(start).filter((body) => JSON.stringify(body).includes(provider));
}

const versionsOf = (provider: string) => bodiesOf<PlanVersion>(`orgs/${org.key}/saasPlans/`, provider);

function runsAskedFor(): number {
  return bodies<{ topic: string }>("outbox/").filter(({ topic }) => topic === "pipeline-saas").length;
}

/** Everything a command leaves, without ids. */
function traces({ provider, runs }: Planned): Record<string, unknown> {
  const versions = versionsOf(provider).map(
    ({ planName, version, startDate, endDate, seats, endedByHand, withdrawnAt, supersededBy }) =>
      JSON.stringify({
        ...{ planName, version, startDate, endDate, seats, endedByHand },
        ...{ isWithdrawn: withdrawnAt !== null, isSuperseded: supersededBy !== null },
      }),
  );
  const lines = bodiesOf<PlanLineDocument>(`orgs/${org.key}/saasPlanLines/`, provider);
  const switches = bodiesOf<{ isEnabled: boolean }>(`orgs/${org.key}/saasProviders/`, provider);
  return {
    versions: versions.sort(),
    lines: lines.map((line) => `${line.planName} ${line.versions.length}`).sort(),
    switches: switches.map(({ isEnabled }) => isEnabled),
    audit: bodiesOf(`orgs/${org.key}/audit/`, provider).length,
    mirrored: bodiesOf<{ payload: { table?: string } }>("outbox/", provider).filter(
      ({ payload }) => payload.table === "saas_subscription_plans",
    ).length,
    runs: runsAskedFor() - runs,
  };
}

/** Every command that changes plans. */
const commands: Record<string, (at: Planned, by: EnginePorts) => Promise<unknown>> = {
  create: ({ provider }, by) => create(provider, "PRO", by),
  edit: ({ provider, subscriptionId }, by) => {
    const asked = { org, caller, provider, subscriptionId, request: { seats: 15, effective_date: "2026-08-05" } };
    return editPlanVersion(asked, auditedEffects<PlanEdited>("saas_plan.versioned", by), by);
  },
  correct: ({ provider, subscriptionId }, by) => {
    const asked = { org, caller, provider, subscriptionId, request: { seats: 12 } };
    return updatePlan(asked, auditedEffects<PlanUpdated>("saas_plan.updated", by), by);
  },
  end: ({ provider, subscriptionId }, by) => {
    const asked = { org, caller, provider, subscriptionId, request: { end_date: "2026-08-07" } };
    return endPlan(asked, auditedEffects<PlanEnded>("saas_plan.ended", by), by);
  },
  toggle: ({ provider, subscriptionId }, by) =>
    togglePlan({ org, caller, provider, subscriptionId }, auditedEffects<PlanToggled>("saas_plan.toggled", by), by),
  disable: ({ provider }, by) => {
    const asked = { org, caller, provider, request: { end_date: "2026-08-08" } };
    return disableProvider(asked, auditedEffects<ProviderDisabled>("saas_provider.disabled", by), by);
  },
  reset: ({ provider }, by) =>
    resetProvider({ org, caller, provider }, auditedEffects<ProviderEnabled>("saas_provider.reset", by), by),
};

// prices-and-plans.md, shown done when 4
it.each(Object.entries(commands))(
  "%s leaves all of the old state or all of the new one, wherever it stops, and can be asked for again",
  async (_, command) => {
    const whole = await planned();
    const old = traces(whole);
    await command(whole, ports);
    const next = traces(whole);
    const seen = { old: 0, next: 0 };

    for (const how of interruptions) {
      for (let k = 1, isReached = true; isReached; k++) {
        const at = await planned();
        const interrupted = interruptedAt(k, how, ports);
        await untilInterrupted(command(at, interrupted.ports), interrupted.crashed);
        isReached = interrupted.isReached();
        const left = traces(at);
        const isNext = JSON.stringify(left) === JSON.stringify(next);
        seen[isNext ? "next" : "old"] += 1;

        if (!isNext) {
          expect(left, `${how} step ${k}`).toEqual(old);
          await command(at, ports);
        }
        expect(traces(at), `${how} step ${k}`).toEqual(next);
      }
    }

    expect(next).not.toEqual(old);
    expect([seen.old, seen.next > 2]).toEqual([2, true]);
  },
  60_000,
);
