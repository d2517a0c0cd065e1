import { afterAll, beforeAll, describe, expect, it } from "vitest";
import deadLetterGet from "#functions/admin/dead-letter-get.ts";
import deadLetterReplay from "#functions/admin/dead-letter-replay.ts";
import deadLettersList from "#functions/admin/dead-letters-list.ts";
import deadLetter from "#functions/processors/dead-letter.ts";
import openaiProcessor from "#functions/processors/openai-processor.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { type After, systemAfter } from "#shared/platform/topics/timers.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { call, type JourneyPlatform, root } from "./journey.ts";
import { startWorld, type World } from "./world.ts";

const functions = {
  ...{ "dead-letter": deadLetter, "dead-letters-list": deadLettersList, "dead-letter-get": deadLetterGet },
  ...{ "dead-letter-replay": deadLetterReplay, "openai-processor": openaiProcessor },
};
const ackDeadlineMilliseconds = 600_000;
/** Waits between deliveries take no time; the deadline of a handler stays. */
const atOnce: After = (delay, run) => systemAfter(delay < ackDeadlineMilliseconds ? 0 : delay, run);

// pipelines.md, shown done 13
describe("a message that no delivery can handle", () => {
  let world: World;
  let host: Host;
  let platform: JourneyPlatform;
  let poisoned: OrgIdentity | undefined;
  let strikes = 0;
  beforeAll(async () => {
    world = await startWorld();
    // What is triggered goes to the host's bus.
    const topics = inProcessTopics({ after: atOnce, random: () => 0 });
    world.ports.topics = topics;
    const { keys, warehouse, config } = world.ports;
    host = await startHost({
      ...{ functions, clock: world.clock, log: world.ports.log, ticks: false, config: { ...config, PORT: 0 } },
      ports: { documents: poisonedDocuments(world.ports.documents), keys, warehouse, topics },
    });
    platform = { url: host.url, rootKey: config.CA_ROOT_API_KEY ?? "", simulatorUrl: world.simulator.url };
  }, 60_000);
  afterAll(async () => {
    await host.stop();
    await world.stop();
  });

  /** The store, where no claim of the poisoned organization succeeds. */
  function poisonedDocuments(documents: Documents): Documents {
    return {
      ...documents,
      transaction: (body) =>
        documents.transaction((tx) =>
          body({
            ...tx,
            getAll: async (paths) => {
              const start = `orgs/${poisoned?.key}/credentials/`;
              if (poisoned !== undefined && paths.some((path) => path.startsWith(start))) {
                strikes += 1;
                throw new AppError("DOCUMENTS_UNAVAILABLE", "the claim cannot be read", { retryable: true });
              }
              return tx.getAll(paths);
            },
          }),
        ),
    };
  }

  async function connected(slug: string, account: string): Promise<OrgIdentity> {
    const { org } = await world.onboarded(slug);
    await world.connected(org, account);
    return org;
  }
  const ask = (method: string, path: string) =>
    call(platform, method, `/api/v1/admin/dead-letters${path}`, { headers: root(platform) });
  const letters = async (query: string) =>
    (await ask("GET", `?${query}`)).body["dead_letters"] as Record<string, unknown>[];

  it("is listed after its tenth delivery with reason and payload, keeps no other back, and is replayed once", async () => {
    const victim = await connected("poisoned", "poisoncase1");
    const other = await connected("healthy", "poisoncase2");
    poisoned = victim;

    const { run_id: runId } = await world.trigger(victim, { date: "2026-07-01" });
    const others = [];
    for (const day of ["01", "02", "03"]) others.push(await world.trigger(other, { date: `2026-07-${day}` }));
    await host.idle();

    expect(strikes).toBe(10);
    for (const { run_id } of others)
      expect(await world.run(other, run_id)).toMatchObject({ status: "COMPLETED", claims: 1 });
    const [letter, ...more] = await letters("org=poisoned");
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      ...{ topic: "pipeline-openai", org: "poisoned", run_id: runId, status: "OPEN", deliveries: 10 },
      reason: expect.stringMatching(/.{10,}/),
    });
    const shown = (await ask("GET", `/${String(letter?.["id"])}`)).body;
    expect(shown["payload"]).toMatchObject({ kind: "run.start", org: "poisoned", run_id: runId });
    expect((await world.run(victim, runId)).error).toMatchObject({ code: "DEAD_LETTERED" });

    poisoned = undefined;
    const first = await ask("POST", `/${String(letter?.["id"])}/replay`);
    const second = await ask("POST", `/${String(letter?.["id"])}/replay`);
    await host.idle();

    expect([first.status, first.body["action"]]).toEqual([200, "retried"]);
    expect([second.status, second.body["error"]]).toEqual([409, "ALREADY_REPLAYED"]);
    const again = await world.run(victim, String(first.body["run_id"]));
    expect(again).toMatchObject({ status: "COMPLETED", retryOf: runId });
  }, 60_000);

  it("goes there at once where it cannot even be read", async () => {
    const payload = { v: 1, kind: "run.start", org: "healthy", surprise: true };
    await world.ports.topics.publish([{ topic: "pipeline-openai", payload, attributes: {} }]);
    await host.idle();

    const [letter] = await letters("topic=pipeline-openai&status=OPEN");
    expect(letter).toMatchObject({ deliveries: 1, run_id: null, status: "OPEN" });
    const shown = (await ask("GET", `/${String(letter?.["id"])}`)).body;
    expect(shown["payload"]).toEqual(payload);
  });
});
