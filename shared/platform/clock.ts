/** The process's own time. Leases never trust it: they use the read time of the document store (`Snapshot.readAt`). */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
