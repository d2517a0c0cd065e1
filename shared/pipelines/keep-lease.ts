import { isAppError } from "#shared/runtime/errors.ts";
import { type Claim, renewLease } from "./claim.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { LeaseLost, Parked } from "./lease-lost.ts";

/** How long one process works on a run. Milliseconds. */
export interface WorkTimes {
  renewEveryMilliseconds: number;
  /** From then on no new work is begun, and a long step stops at its next page. */
  softDeadlineMilliseconds: number;
  /** Then the work is ended, before the platform ends the process. */
  hardStopMilliseconds: number;
}

export const workTimes: WorkTimes = {
  renewEveryMilliseconds: 30_000,
  softDeadlineMilliseconds: 420_000,
  hardStopMilliseconds: 500_000,
};

/** So long without a renewal that succeeded, and the lease counts as lost. */
const silenceMilliseconds = 90_000;

/** The lease of a claim while its work lasts. */
export interface KeptLease {
  signal: AbortSignal;
  isTimeUp(): boolean;
  stop(): void;
}

/** Renews the lease while the work lasts, and aborts the work when the lease is lost or the time is over. */
export function keptLease(claim: Claim, times: WorkTimes, ports: EnginePorts): KeptLease {
  const abort = new AbortController();
  const started = performance.now();
  let renewedAt = started;
  const renew = async (): Promise<void> => {
    try {
      if (await renewLease(claim.run, ports)) renewedAt = performance.now();
      else lose();
    } catch (error) {
      // The store may be away for a moment; the next renewal or the transaction that publishes decides.
      if (!isAppError(error)) throw error;
      ports.log.warn({ run: claim.run.runId, code: error.code }, "lease not renewed");
      if (performance.now() - renewedAt >= silenceMilliseconds) lose();
    }
  };
  const lose = (): void => abort.abort(new LeaseLost());
  const renewal = setInterval(() => void renew(), times.renewEveryMilliseconds);
  const park = (): void => abort.abort(new Parked(0, "deadline"));
  const hardStop = setTimeout(park, times.hardStopMilliseconds);
  renewal.unref();
  hardStop.unref();
  return {
    signal: abort.signal,
    isTimeUp: () => performance.now() - started >= times.softDeadlineMilliseconds,
    stop: () => {
      clearInterval(renewal);
      clearTimeout(hardStop);
    },
  };
}
