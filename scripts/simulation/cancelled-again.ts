import { plainEffects } from "#scripts/e2e/world.ts";
import { type CancelAnswer, cancelRun } from "#shared/pipelines/cancel.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import type { RunDocument } from "#shared/pipelines/run.ts";
import { type SharedStore, simulatedDocuments } from "./simulated-documents.ts";

/** What a cancel says of every cancelled run, asked twice more when everything rests. */
export async function cancelledAgain(
  runs: readonly RunDocument[],
  shared: SharedStore,
  ports: EnginePorts,
): Promise<[CancelAnswer, CancelAnswer][]> {
  const documents = simulatedDocuments(shared, { turn: async () => false, committed: async () => {} });
  const again = ({ org, runId }: RunDocument): Promise<CancelAnswer> => {
    const effects = plainEffects<CancelAnswer>({ ...ports, documents });
    return cancelRun({ org, runId, reason: "again" }, effects);
  };
  const answers: [CancelAnswer, CancelAnswer][] = [];
  for (const run of runs) if (run.status === "CANCELLED") answers.push([await again(run), await again(run)]);
  return answers;
}
