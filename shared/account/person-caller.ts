import type { Caller } from "#shared/access/caller.ts";

export type PersonCaller = Caller & { kind: "person" };

/** The signed-in person; functions with access `session` have no other caller. */
export function personCaller(caller: Caller): PersonCaller {
  if (caller.kind !== "person") throw new Error(`a ${caller.kind} was let in where only a person may be`);
  return caller;
}
