/** The run is not ours any more: nothing further may be written for it, and whoever holds it now goes on. */
export class LeaseLost extends Error {
  constructor() {
    super("the lease of the run is lost");
    this.name = "LeaseLost";
  }
}

/** The run waits: for a provider, or because this process has worked long enough. */
export class Parked extends Error {
  readonly wakeAt: Date;

  constructor(wakeAt: Date) {
    super("the run is parked");
    this.name = "Parked";
    this.wakeAt = wakeAt;
  }
}
