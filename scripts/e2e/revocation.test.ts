import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, inject, it } from "vitest";
import { freshKey, storeKey } from "#shared/api-keys/new-key.ts";
import { revokeKey } from "#shared/api-keys/revoke.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import { commitChange } from "#shared/runtime/change.ts";
import { readConfiguration } from "#shared/runtime/config.ts";

const emulator = inject("firestoreEmulator") ?? "";
const org = { slug: "Acme", key: "acme", orgId: "org_1" };

// `organizations.md`, "Shown done when" 5.
describe.skipIf(!emulator)("a revoked key", () => {
  const workers: ChildProcess[] = [];
  afterAll(() => {
    for (const worker of workers) worker.kill("SIGKILL");
  });

  it("is refused in all of 4 warm processes within 10 s", async () => {
    process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
    process.env["METADATA_SERVER_DETECTION"] = "none";
    const projectId = `p-${randomBytes(6).toString("hex")}`;
    const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
    const documents = firestoreDocuments({ projectId, declared });
    const keys = envelopeKeys(localWrapper({ key: randomBytes(32), keyName: "platform", keyVersion: "1" }));
    const config = await readConfiguration({ ENVIRONMENT: "test" });
    const ports = { documents, topics: inProcessTopics(), clock: systemClock, ids: systemIds, keys, config };
    const key = await freshKey(org, ports);
    const terms = { name: "Key", scopes: ["*"], primary: true, expiresAt: null, rotatedFrom: null, createdBy: null };
    await commitChange(async (change) => {
      change.create("orgs/acme", { ...org, state: "ACTIVE" });
      storeKey(org, key, terms, change);
    }, ports);
    const script = fileURLToPath(new URL("./revocation-worker.ts", import.meta.url));
    for (let at = 0; at < 4; at++)
      workers.push(fork(script, [projectId, key.apiKey], { execArgv: ["--import", "tsx"] }));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    const ask = (): Promise<unknown[]> =>
      Promise.all(
        workers.map(async (worker) => {
          const answer = once(worker, "message");
          worker.send("verify");
          return ((await answer) as unknown[])[0];
        }),
      );
    expect(await ask()).toEqual(["key", "key", "key", "key"]);

    await revokeKey(org, key.keyId, {
      commit: (body) => commitChange(body, ports),
      prepare: async () => {},
      conclude: () => {},
      audit: () => {},
    });
    const revokedAt = performance.now();

    const refused = Array.from({ length: 4 }, () => "UNAUTHENTICATED");
    await expect.poll(ask, { timeout: 12_000, interval: 200 }).toEqual(refused);
    expect(performance.now() - revokedAt).toBeLessThan(10_500);
    await documents.close();
  }, 60_000);
});
