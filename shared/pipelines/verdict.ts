import type { DayPublication } from "#shared/ledger/ledger.ts";
import { sumTotals } from "#shared/ledger/totals.ts";
import type { Failure } from "#shared/quality/expectation.ts";
import { expiryOf, type QuarantineDocument, quarantineId } from "#shared/quarantine/quarantine.ts";
import { publishedTotals } from "./published-totals.ts";
import { judgeRun } from "./run-quality.ts";
import type { RunSession } from "./session.ts";

/** What the run may publish, and what it holds back. */
export interface RunVerdict {
  free: DayPublication[];
  held: DayPublication[];
  failures: Failure[];
}

/**
 * Judges what is new in the run's days and parts them: a day with a failed expectation of severity `error` is held. A day
 * that is published with the same rows already was judged then, or released by a person.
 */
export async function verdictOf(publications: readonly DayPublication[], session: RunSession): Promise<RunVerdict> {
  const { runId } = session.claim.run;
  const failures = await judgeRun(freshDays(publications, runId), session);
  return { ...parted(publications, failures, runId), failures };
}

/** A failure of the whole run holds what the run has judged, and no day that stood before it. */
export function parted(
  publications: readonly DayPublication[],
  failures: readonly Failure[],
  runId: string,
): Pick<RunVerdict, "free" | "held"> {
  const errors = failures.filter(({ severity }) => severity === "error");
  const held = freshDays(publications, runId).filter((own) =>
    errors.some(({ source, day }) => day === null || (source === own.source && day === own.day)),
  );
  return { free: publications.filter((own) => !held.includes(own)), held };
}

function freshDays(publications: readonly DayPublication[], runId: string): DayPublication[] {
  return publications.filter(({ parts }) => {
    const batches = Object.values(parts).flatMap((part) => part.batches);
    return batches.length === 0 || batches.some((batch) => batch.run === runId);
  });
}

/** One quarantine per source, with what is published of its days beside what was held. */
export async function quarantinesOf(
  { held, failures }: RunVerdict,
  session: RunSession,
): Promise<QuarantineDocument[]> {
  const { claim, ports } = session;
  const { run } = claim;
  const days = held.map(({ day }) => day).sort();
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return [];
  const published = await publishedTotals(claim, { first, last }, ports.documents);
  const now = ports.clock.now();
  return [...new Set(held.map(({ source }) => source))].map((source) => {
    const own = held.filter((publication) => publication.source === source);
    const old = own.map(({ day }) => published.of(source, day)).filter((totals) => totals !== undefined);
    return {
      quarantineId: quarantineId(run.runId, source),
      state: "OPEN",
      runId: run.runId,
      pipelineId: run.pipelineId,
      provider: run.provider,
      credentialId: run.credentialId,
      source,
      days: own.map(({ day }) => day).sort(),
      failures: failures.filter(
        (failure) => failure.severity === "error" && (failure.source === null || failure.source === source),
      ),
      oldTotals: old.length === 0 ? null : sumTotals(old),
      newTotals: sumTotals(own.map(({ totals }) => totals)),
      publications: own,
      pulledFence: Math.min(...own.map(({ pulledFence }) => pulledFence)),
      epoch: claim.org.ledgerEpoch,
      heldAt: now.toISOString(),
      expiresAt: expiryOf(now),
      decidedAt: null,
      decidedBy: null,
      reason: null,
    };
  });
}
