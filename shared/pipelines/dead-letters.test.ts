import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interruptedAt, interruptions, untilInterrupted } from "#scripts/e2e/interrupted-ports.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { orgPath } from "#shared/organizations/organization.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import { deadLetterAttributes } from "#shared/platform/topics/dead-letter.ts";
import type { Message, Topics } from "#shared/platform/topics/topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { keepDeadLetter } from "./dead-letters.ts";
import { listDeadLetters, readDeadLetter } from "./dead-letters-read.ts";
import type { EnginePorts } from "./engine-ports.ts";
import { discardLetter, type ReplayAnswer, replayLetter } from "./replay-letter.ts";
import { type ReplayManyAnswer, replayLetters } from "./replay-letters.ts";
import type { RunDocument } from "./run.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };
let world: World;
let org: OrgIdentity;
let days = 0;
let letters = 0;

beforeAll(async () => {
  world = await startWorld();
  ({ org } = await world.onboarded("acme"));
  await world.connected(org, "letteraccount1");
}, 60_000);
afterAll(() => world.stop());

/** A message that used up its deliveries, of a run of its own day where asked; answers the letter's id. */
async function kept(of: "run" | "mail", more: { reason?: string } = {}): Promise<{ id: string; runId: string }> {
  letters += 1;
  const messageId = `message-${letters}`;
  const id = createHash("sha256").update(messageId).digest("hex");
  world.clock.advance(1);
  if (of === "mail") {
    const attributes = { ...more, ...deadLetterAttributes("mail", "2026-08-10T12:00:00Z", 10) };
    await keepDeadLetter({ payload: { to: "nobody" }, attributes, messageId, deliveryAttempt: 1 }, world.ports);
    return { id, runId: "" };
  }
  days += 1;
  const date = new Date(Date.parse("2026-05-01") + days * 86_400_000).toISOString().slice(0, 10);
  const { run_id: runId } = await world.trigger(org, { date });
  const payload = { v: 1, kind: "run.start", org: org.key, run_id: runId, pipeline_id: "openai-cost-usage-cost" };
  const source = deadLetterAttributes("pipeline-openai", "2026-08-10T12:00:00Z", 10);
  const attributes = { org: org.key, run: runId, ...more, ...source };
  await keepDeadLetter({ payload, attributes, messageId, deliveryAttempt: 1 }, world.ports);
  return { id, runId };
}

function recording(): { published: Message[]; ports: EnginePorts } {
  const published: Message[] = [];
  const topics: Topics = { publish: async (messages) => void published.push(...messages), close: async () => {} };
  return { published, ports: { ...world.ports, topics } };
}

function replay(id: string, ports: EnginePorts = world.ports): Promise<ReplayAnswer> {
  return replayLetter({ id, caller, requestId: "req_test" }, plainEffects<ReplayAnswer>(ports), ports);
}

async function retriesOf(runId: string): Promise<RunDocument[]> {
  const query = {
    collection: `orgs/${org.key}/runs`,
    filters: [{ field: "triggerType", is: "==" as const, value: "retry" }],
  };
  const sorted = { ...query, orderBy: [{ field: "createdAt", direction: "desc" as const }] };
  const found = await allDocuments<RunDocument>(sorted, world.ports.documents);
  return found.map(({ body }) => body).filter((run) => run.retryOf === runId);
}

describe("a dead letter", () => {
  it("is listed with its reason, by what it is looked for, and shows its payload alone", async () => {
    const { id, runId } = await kept("run", { reason: "the store was down" });
    await kept("mail");
    const { documents } = world.ports;

    const found = await listDeadLetters({ reason: "Store Was", limit: 50 }, documents);
    const mails = await listDeadLetters({ topic: "mail", status: "OPEN", limit: 50 }, documents);

    expect(found.dead_letters).toMatchObject([
      { id, topic: "pipeline-openai", org: "acme", run_id: runId, status: "OPEN", deliveries: 10, action: null },
    ]);
    expect(found.dead_letters[0]).not.toHaveProperty("payload");
    expect(mails.dead_letters.map(({ topic }) => topic)).toEqual(["mail"]);
    expect((await listDeadLetters({ org: "other", limit: 50 }, documents)).dead_letters).toEqual([]);
    expect((await readDeadLetter(id, documents)).payload).toMatchObject({ run_id: runId });
    for (const unknown of ["f".repeat(64), "../orgs/acme"])
      await expect(readDeadLetter(unknown, documents)).rejects.toMatchObject({ code: "DEAD_LETTER_NOT_FOUND" });
  });

  it("of a run that it has ended makes the run anew, once", async () => {
    const { id, runId } = await kept("run");
    expect((await world.run(org, runId)).error).toMatchObject({ code: "DEAD_LETTERED" });

    const answer = await replay(id);

    expect(answer.action).toBe("retried");
    expect(await retriesOf(runId)).toMatchObject([{ runId: answer.run_id, triggerType: "retry", status: "PENDING" }]);
    await expect(replay(id)).rejects.toMatchObject({ code: "ALREADY_REPLAYED" });
    expect(await readDeadLetter(id, world.ports.documents)).toMatchObject({
      ...{ status: "REPLAYED", action: "retried", new_run_id: answer.run_id },
    });
  });

  it("of another topic is published again as it was, without what the way has added", async () => {
    const { id } = await kept("mail", { reason: "no relay" });
    const { published, ports } = recording();

    const [first, second] = await Promise.allSettled([replay(id, ports), replay(id, ports)]);

    expect([first.status, second.status].sort()).toEqual(["fulfilled", "rejected"]);
    expect(published).toMatchObject([{ topic: "mail", payload: { to: "nobody" } }]);
    expect(published[0]?.attributes).not.toHaveProperty("reason");
  });

  it.each(interruptions)("is replayed once when a step %s and the operator asks again", async (how) => {
    for (let at = 1, isReached = true; isReached; at++) {
      const { id, runId } = await kept("run");
      const interrupted = interruptedAt(at, how, world.ports);

      await untilInterrupted(replay(id, interrupted.ports), interrupted.crashed);
      isReached = interrupted.isReached();
      await replay(id).catch(() => {});

      expect(await retriesOf(runId)).toHaveLength(1);
    }
  });

  it("that came by no topic that anybody knows stays where it is", async () => {
    const attributes = { function: "openai-processor", messageId: "mal_1" };
    await keepDeadLetter({ payload: { text: "?" }, attributes, messageId: "1", deliveryAttempt: 1 }, world.ports);
    const id = createHash("sha256").update("mal_1").digest("hex");

    await expect(replay(id)).rejects.toMatchObject({ code: "WRONG_STATE" });

    expect(await readDeadLetter(id, world.ports.documents)).toMatchObject({
      ...{ status: "OPEN", topic: "unknown", attributes: { function: "openai-processor" } },
    });
    await commitChange((change) => discardLetter(id, "a test", change), world.ports);
  });

  it("that comes again after its replay does not end the run that goes on", async () => {
    const { run_id: runId } = await world.trigger(org, { date: "2026-04-01" });
    const payload = { v: 1, kind: "run.start", org: org.key, run_id: runId, pipeline_id: "openai-cost-usage-cost" };
    const source = deadLetterAttributes("pipeline-openai", "2026-08-10T12:00:00Z", 10);
    const message = { payload, attributes: { org: org.key, run: runId, ...source }, messageId: "again" };
    const delivered = (ports: EnginePorts): Promise<void> => keepDeadLetter({ ...message, deliveryAttempt: 1 }, ports);
    const interrupted = interruptedAt(2, "fails before", world.ports);
    // Kept, and cut off before its run was ended.
    await untilInterrupted(delivered(interrupted.ports), interrupted.crashed);
    const id = createHash("sha256").update("again").digest("hex");
    expect(await replay(id)).toEqual({ action: "republished", run_id: runId });

    await delivered(world.ports);

    expect((await world.run(org, runId)).status).toBe("PENDING");
  });

  it("is put aside for good, with a reason, and neither replayed nor put aside again", async () => {
    const { id } = await kept("mail");
    const discard = (): Promise<unknown> => commitChange((change) => discardLetter(id, "a test", change), world.ports);

    expect(await discard()).toMatchObject({ id, status: "DISCARDED" });

    await expect(discard()).rejects.toMatchObject({ code: "WRONG_STATE" });
    await expect(replay(id)).rejects.toMatchObject({ code: "WRONG_STATE" });
  });

  it("is replayed together with others, the oldest first, as many as asked for", async () => {
    const everything = { limit: 100 };
    const many = (body: object): Promise<ReplayManyAnswer> =>
      replayLetters(
        { body: { ...everything, ...body }, caller, requestId: "req_test" },
        plainEffects<ReplayManyAnswer>(world.ports),
        world.ports,
      );
    await many({});
    const first = await kept("mail", { reason: "of many" });
    const second = await kept("mail", { reason: "of many" });

    expect(await many({ reason: "of many", limit: 1 })).toEqual({ replayed: 1, skipped: [] });
    expect((await readDeadLetter(first.id, world.ports.documents)).status).toBe("REPLAYED");
    expect((await readDeadLetter(second.id, world.ports.documents)).status).toBe("OPEN");
    expect(await many({ topic: "mail" })).toEqual({ replayed: 1, skipped: [] });
    expect(await many({})).toEqual({ replayed: 0, skipped: [] });
  });

  it("of an organization that is gone stays as it is", async () => {
    const { id } = await kept("run");
    await world.ports.documents.transaction(async (tx) => {
      const { body } = await tx.get<Record<string, unknown>>(orgPath("acme"));
      tx.set(orgPath("acme"), { ...body, state: "DELETED" });
    });

    await expect(replay(id)).rejects.toMatchObject({ code: "ORG_GONE" });
    expect((await readDeadLetter(id, world.ports.documents)).status).toBe("OPEN");
  });
});
