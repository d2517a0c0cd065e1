/** The run is not ours any more: nothing further may be written for it, and whoever holds it now goes on. */
export class LeaseLost extends Error {
  constructor() {
    super("the lease of the run is lost");
    this.name = "LeaseLost";
  }
}

/**
 * Why a run is handed on: `deadline` - this process has worked long enough, the next goes on at once; `wait` - a provider
 * asked for a long wait; `budget` - the warehouse takes no more loads today, which is no fault of the run and takes none of
 * its time; `trouble` - our own machinery failed, and the message that comes back goes on.
 */
export type ParkReason = "deadline" | "wait" | "budget" | "trouble";

/** The run waits: for a provider, or because this process has worked long enough. */
export class Parked extends Error {
  /** A length of time: the store's clock says when it is over, not that of this process. */
  readonly waitMilliseconds: number;
  readonly reason: ParkReason;

  /** The message says to people what it waits for. */
  constructor(waitMilliseconds: number, reason: ParkReason, message = "the run is parked") {
    super(message);
    this.name = "Parked";
    this.waitMilliseconds = waitMilliseconds;
    this.reason = reason;
  }
}
