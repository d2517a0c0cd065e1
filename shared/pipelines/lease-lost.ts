/** The run is not ours any more: nothing further may be written for it, and whoever holds it now goes on. */
export class LeaseLost extends Error {
  constructor() {
    super("the lease of the run is lost");
    this.name = "LeaseLost";
  }
}

/**
 * Why a run is handed on: `deadline` - this process has worked long enough, the next goes on at once; `wait` - a provider
 * asked for a long wait; `trouble` - our own machinery failed, and the message that comes back goes on.
 */
export type ParkReason = "deadline" | "wait" | "trouble";

/** The run waits: for a provider, or because this process has worked long enough. */
export class Parked extends Error {
  readonly wakeAt: Date;
  readonly reason: ParkReason;

  constructor(wakeAt: Date, reason: ParkReason) {
    super("the run is parked");
    this.name = "Parked";
    this.wakeAt = wakeAt;
    this.reason = reason;
  }
}
