import type { OrgIdentity } from "#shared/access/caller.ts";
import { processRun } from "#shared/pipelines/engine.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { Pipeline, Step } from "#shared/pipelines/pipeline.ts";
import { pipelines } from "#shared/pipelines/registry.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import type { RunAnswer, RunRequest } from "#shared/pipelines/run-request.ts";
import { triggerRun } from "#shared/pipelines/trigger.ts";
import { openai } from "#shared/providers/openai/openai.ts";
import type { ProviderAdapter, PullContext, Pulled, Row } from "#shared/providers/provider.ts";
import { chargeRow } from "./charges.fixture.ts";
import { plainEffects, type World } from "./world.ts";

const nothing = { rows: {}, findings: [], warnings: [] };

/** What a provider says, as a test wants it said. */
export interface Shape {
  /** State of a day; complete unless said. */
  stateOf?: (day: string) => Pulled["days"][string];
  /** Charges of a day that is complete; one of 1.5 USD unless said. */
  chargesOf?: (day: string) => readonly Row[];
  /** While the costs are pulled. */
  midway?: (context: PullContext) => Promise<void>;
}

/** OpenAI's adapter with costs as the test says them, and no usage. */
export function shapedAdapter({
  stateOf = () => "complete",
  chargesOf = usualCharges,
  midway,
}: Shape): ProviderAdapter {
  const pulled = (days: readonly string[]): Pulled => {
    return { ...nothing, days: Object.fromEntries(days.map((day) => [day, stateOf(day)])) };
  };
  return {
    ...openai,
    processors: {
      "openai.costs": async (context) => {
        await midway?.(context);
        return pulled(context.days);
      },
      "openai.usage": async (context) => pulled(context.days),
    },
    focusRows: async ({ days }) => {
      const whole = Object.keys(days).filter((day) => stateOf(day) === "complete");
      return { ...nothing, days, rows: { cost_data_standard: whole.flatMap(chargesOf) } };
    },
  };
}

function usualCharges(day: string): Row[] {
  return [chargeRow({ day, billed: "1.5", id: day })];
}

/** Triggers the shipped pipeline without prices and expectations of its own; answers the run's id. */
export async function shapedRun(world: World, org: OrgIdentity, body: RunRequest): Promise<string> {
  const shipped = (await pipelines()).byAddress("openai/cost/usage_cost");
  const step = (wanted: string): Step => {
    const found = shipped.config.steps.find(({ id }) => id === wanted);
    if (found === undefined) throw new Error(`the pipeline has no step ${wanted}`);
    return found;
  };
  const steps = [step("costs"), step("usage"), { ...step("rows"), depends_on: ["costs"] }];
  const pipeline: Pipeline = { ...shipped, config: { ...shipped.config, expectations: [], steps } };
  const caller = { kind: "root" as const, credentialId: "root" as const };
  const asked = { org, caller, pipeline, body, query: {}, requestId: "req_test" };
  const request = { ...asked, claimedUser: undefined, traceparent: undefined };
  return (await triggerRun(request, plainEffects<RunAnswer>(world.ports), world.ports)).body.run_id;
}

/** Works on the run once with what the provider says. */
export async function workedOn(
  world: World,
  place: { org: OrgIdentity; runId: string },
  shape: Shape,
  ports: EnginePorts = world.ports,
): Promise<RunDocument> {
  const { org, runId } = place;
  await processRun({ org: org.key, run_id: runId }, ports, { adapterOf: () => shapedAdapter(shape) });
  return world.run(org, runId);
}
