import { type Static, Type } from "@sinclair/typebox";
import type { Caller } from "#shared/access/caller.ts";
import { isPlatformScope } from "#shared/access/platform-scope.ts";
import { type OrgDocument, orgPath } from "#shared/organizations/organization.ts";
import type { ReservePorts } from "#shared/quotas/reserve.ts";
import { type Change, commitChange } from "#shared/runtime/change.ts";
import { type Effects, Reply } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type DeadLetterDocument, unknownTopic } from "./dead-letters.ts";
import { storedLetter } from "./dead-letters-read.ts";
import { retryTrigger } from "./retry-run.ts";
import { isTerminal, type RunDocument } from "./run.ts";
import { runPath } from "./run-paths.ts";
import { reserveRun, runsUnderWay } from "./trigger.ts";

export const ReplayAnswer = strictObject({
  action: choice(["republished", "retried"]),
  run_id: nullable(Type.String({ description: "The run that goes on or the one that was made" })),
});
export type ReplayAnswer = Static<typeof ReplayAnswer>;

export const DiscardRequest = strictObject({ reason: plainText(3, 500) });

export const DiscardAnswer = strictObject({
  id: Type.String(),
  status: choice(["DISCARDED"]),
  discarded_at: Type.String({ format: "date-time" }),
});
export type DiscardAnswer = Static<typeof DiscardAnswer>;

export interface Replay {
  id: string;
  caller: Caller;
  requestId: string;
}

/** The part of a replay's transaction that is its caller's: reads, then writes. */
export interface ReplayEffects {
  prepare(change: Change): Promise<void>;
  conclude(change: Change, answer: ReplayAnswer): void;
}

/** Sends a letter once more. Throws as `replayed`. */
export function replayLetter(
  asked: Replay,
  effects: Effects<ReplayAnswer>,
  ports: ReservePorts,
): Promise<ReplayAnswer> {
  return replayed(
    asked,
    {
      prepare: effects.prepare,
      conclude: (change, answer) => effects.conclude(change, answer, { resourceId: asked.id, details: { ...answer } }),
    },
    ports,
  );
}

/**
 * Publishes the message of a letter again; where its run has ended, the run is made anew instead. The letter and what
 * comes of it are one transaction, so it happens once. Throws `DEAD_LETTER_NOT_FOUND`, `ALREADY_REPLAYED`, `WRONG_STATE`
 * for a discarded one and one that came by no known topic, `ORG_GONE`, and what refuses any run.
 */
export async function replayed(asked: Replay, effects: ReplayEffects, ports: ReservePorts): Promise<ReplayAnswer> {
  const { body: letter } = await storedLetter(asked.id, ports.documents);
  refuseSettled(letter);
  const run = await standingRun(letter, ports);
  return run !== undefined && isTerminal(run.status)
    ? retried(asked, run, effects, ports)
    : republished(asked, effects, ports);
}

/** The run of the letter. Throws `ORG_GONE` where its organization is not the one it was. */
async function standingRun({ org, runId }: DeadLetterDocument, ports: ReservePorts): Promise<RunDocument | undefined> {
  if (org === null || runId === null) return undefined;
  const [run, owner] = await ports.documents.getAll<object>([runPath(org, runId), orgPath(org)]);
  const stored = run?.body as RunDocument | undefined;
  if (isPlatformScope({ key: org })) return stored;
  const { state, orgId } = (owner?.body as OrgDocument | undefined) ?? {};
  if (state !== "ACTIVE" || (stored !== undefined && stored.org.orgId !== orgId))
    throw new AppError("ORG_GONE", "The organization of this message is gone.");
  return stored;
}

function republished({ id }: Replay, effects: ReplayEffects, ports: ReservePorts): Promise<ReplayAnswer> {
  return commitChange(async (change) => {
    const { body: letter, path } = await storedLetter(id, change);
    refuseSettled(letter);
    // No broker would ever take it.
    if (letter.topic === unknownTopic)
      throw new AppError("WRONG_STATE", "Nobody knows which topic this message came by: it cannot be sent again.");
    await effects.prepare(change);
    const answer: ReplayAnswer = { action: "republished", run_id: letter.runId };
    change.set<DeadLetterDocument>(path, settled(letter, answer, change.now));
    change.publish({ topic: letter.topic, payload: letter.payload, attributes: originalAttributes(letter) });
    effects.conclude(change, answer);
    return answer;
  }, ports);
}

async function retried(
  { id, caller, requestId }: Replay,
  run: RunDocument,
  effects: ReplayEffects,
  ports: ReservePorts,
): Promise<ReplayAnswer> {
  const asker = { org: run.org, caller, requestId, claimedUser: undefined, traceparent: undefined };
  let stored: Awaited<ReturnType<typeof storedLetter>> | undefined;
  let answer: ReplayAnswer = { action: "retried", run_id: null };
  const trigger = {
    ...(await retryTrigger(run, asker, ports)),
    effects: {
      prepare: async (change: Change) => {
        stored = await storedLetter(id, change);
        refuseSettled(stored.body);
        await effects.prepare(change);
      },
      conclude: (change: Change, made: { run_id: string } | Reply<{ run_id: string }>) => {
        if (stored === undefined) throw new Error("a replay concludes what it has not prepared");
        answer = { action: "retried", run_id: (made instanceof Reply ? made.body : made).run_id };
        change.set<DeadLetterDocument>(stored.path, settled(stored.body, answer, change.now));
        effects.conclude(change, answer);
      },
    },
  };
  const commit = <R>(body: (change: Change) => Promise<R>): Promise<R> => commitChange(body, ports);
  if ((await runsUnderWay(trigger, { commit }, ports)) === undefined) await reserveRun(trigger, ports);
  return answer;
}

/** Puts a letter aside for good. Throws `DEAD_LETTER_NOT_FOUND`, `ALREADY_REPLAYED`, `WRONG_STATE`. */
export async function discardLetter(id: string, reason: string, change: Change): Promise<DiscardAnswer> {
  const { body: letter, path } = await storedLetter(id, change);
  refuseSettled(letter);
  const at = change.now.toISOString();
  const settlement = { at, action: "discarded" as const, runId: null, reason };
  change.set<DeadLetterDocument>(path, { ...letter, state: "DISCARDED", settled: settlement });
  return { id, status: "DISCARDED", discarded_at: at };
}

function settled(letter: DeadLetterDocument, { action, run_id: runId }: ReplayAnswer, now: Date): DeadLetterDocument {
  return { ...letter, state: "REPLAYED", settled: { at: now.toISOString(), action, runId, reason: null } };
}

function refuseSettled({ state }: DeadLetterDocument): void {
  if (state === "REPLAYED") throw new AppError("ALREADY_REPLAYED", "This dead letter has been replayed already.");
  if (state === "DISCARDED") throw new AppError("WRONG_STATE", "This dead letter was discarded.");
}

/** Without what was added on the way to the dead letters. */
function originalAttributes({ attributes }: DeadLetterDocument): Record<string, string> {
  const added = ["reason", "function", "topic", "messageId"];
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !added.includes(name)));
}
