import { pulledDays } from "#shared/ledger/current-batches.ts";
import type { StreamProcessor } from "#shared/providers/stream.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { stepConfig } from "./parameters.ts";
import { writePart, writtenTable } from "./parts.ts";
import type { Step } from "./pipeline.ts";
import type { DayRange } from "./range.ts";
import type { SourceDays } from "./run.ts";
import type { RunSession } from "./session.ts";
import type { StepProduct } from "./step-product.ts";

/** Runs a step that writes as it goes, because what it reads is larger than memory. */
export async function streamStep(
  stream: StreamProcessor,
  step: Step,
  session: RunSession,
  signal: AbortSignal,
): Promise<StepProduct> {
  const { claim, ports } = session;
  const { run, credential, org } = claim;
  if (ports.objects === undefined) throw new AppError("PROCESSOR_UNKNOWN", "This processor has no access to files.");
  const parts: string[] = [];
  const observedAt = ports.clock.now().toISOString();
  const sourceOf = (part: string): string => `${run.credentialId}/${part}`;
  const streamed = await stream({
    org: run.org,
    credentialId: run.credentialId,
    metadata: credential.metadata,
    parameters: Object.fromEntries(Object.entries(run.parameters).map(([name, value]) => [name, String(value)])),
    config: stepConfig(step, run.parameters),
    runId: run.runId,
    documents: ports.documents,
    objects: ports.objects,
    log: ports.log,
    now: ports.clock.now(),
    signal,
    writePart: async (part) => {
      signal.throwIfAborted();
      const table = await writtenTable(part.table);
      const id = await writePart(
        { ...part, stepId: step.id, source: sourceOf(part.sourcePart), table, number: parts.length, observedAt },
        session,
      );
      parts.push(id);
    },
    publishedDays: async (sourcePart, months) => {
      const place = { org: run.org, epoch: org.ledgerEpoch, pipelineId: run.pipelineId };
      // Also days that only a closed month holds: what is gone from them is to be held, and booked, as gone.
      const found = await Promise.all(months.map((month) => pulledDays(place, month, ports.documents)));
      const source = sourceOf(sourcePart);
      return found
        .flat()
        .filter((day) => day.source === source)
        .map(({ day }) => day);
    },
  });
  const sources: SourceDays = Object.fromEntries(
    Object.entries(streamed.sources).map(([part, days]) => [sourceOf(part), days]),
  );
  return {
    sources,
    parts,
    rowCount: streamed.rows,
    warnings: streamed.warnings,
    findings: streamed.findings,
    dayFences: {},
    range: rangeOfSources(sources) ?? run.range,
  };
}

function rangeOfSources(sources: SourceDays): DayRange | undefined {
  const days = Object.values(sources)
    .flatMap((own) => Object.keys(own))
    .sort();
  const [start, end] = [days[0], days.at(-1)];
  return start === undefined || end === undefined ? undefined : { start, end };
}
