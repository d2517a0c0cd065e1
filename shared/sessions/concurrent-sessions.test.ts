import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { systemClock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { envelopeKeys, localWrapper } from "#shared/platform/keys/envelope.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { liveToken, liveTokensAbout, newOneTimeToken, spendToken, storeToken } from "./one-time-token.ts";
import { newSession, revokeSessions, sessionsOf, storeSession } from "./session.ts";

const emulator = inject("firestoreEmulator") ?? "";
const processes = 3;
const tries = 10;

describe.skipIf(!emulator)("on Google's emulator, in several processes at once", () => {
  const stores: Documents[] = [];

  beforeAll(() => {
    process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
    process.env["METADATA_SERVER_DETECTION"] = "none";
    const projectId = `p-${randomBytes(6).toString("hex")}`;
    const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
    for (let at = 0; at < processes; at++) stores.push(firestoreDocuments({ projectId, declared }));
  });

  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
  });

  it("a one-time token is spent once; a try that could not win its turn has spent nothing", async () => {
    const [store] = stores as [Documents];
    const { hash } = newOneTimeToken("signin");
    const expiresAt = new Date(Date.now() + 60_000);
    await store.transaction(async (tx) => storeToken(hash, { kind: "signin", subject: "a", expiresAt }, tx));
    const spend = (documents: Documents): Promise<boolean> =>
      documents.transaction(async (tx) => {
        const live = await liveToken(hash, "signin", tx);
        if (live !== undefined) spendToken(live, new Date(), tx);
        return live !== undefined;
      });

    const outcomes = await Promise.allSettled(
      Array.from({ length: tries }, (_, at) => spend(stores[at % processes] as Documents)),
    );

    const spent = outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value);
    const failed = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
    expect(spent).toHaveLength(1);
    expect(failed.every((reason) => isAppError(reason, "DOCUMENTS_CONTENDED"))).toBe(true);
    expect(await store.transaction((tx) => liveTokensAbout("signin", "a", tx))).toEqual([]);
  }, 60_000);

  it("a person's sessions are found and ended", async () => {
    const [store] = stores as [Documents];
    const keys = envelopeKeys(localWrapper({ key: Buffer.alloc(32, 1), keyName: "test", keyVersion: "1" }));
    const by = { documents: store, keys, clock: systemClock, ids: systemIds };
    const client = { address: "127.0.0.1", userAgent: null };
    const now = new Date();
    for (const userId of ["usr_1", "usr_1", "usr_2"]) {
      const session = await newSession(by);
      const of = { person: { userId }, email: "a@example.com", authTime: now, now, client };
      await store.transaction(async (tx) => storeSession(session, of, tx));
    }

    await store.transaction(async (tx) => revokeSessions(await sessionsOf("usr_1", now, tx), now, tx));

    expect(await sessionsOf("usr_1", now, store)).toEqual([]);
    expect(await sessionsOf("usr_2", now, store)).toHaveLength(1);
  });
});
