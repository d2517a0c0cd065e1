import { randomBytes } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Firestore, Timestamp } from "@google-cloud/firestore";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { increment } from "./contract-store.ts";
import { contractQueries, documentsContract } from "./documents.contract.ts";
import type { Documents } from "./documents.ts";
import { firestoreDocuments } from "./firestore-documents.ts";

const emulator = inject("firestoreEmulator") ?? "";
const declared = async () => contractQueries;
const newProject = () => `p-${randomBytes(6).toString("hex")}`;
const connectTo = (address: string) => {
  process.env["FIRESTORE_EMULATOR_HOST"] = address;
  process.env["METADATA_SERVER_DETECTION"] = "none";
};

describe.skipIf(!emulator)("on Google's emulator", () => {
  documentsContract("Firestore", async () => {
    connectTo(emulator);
    const projectId = newProject();
    const documents = firestoreDocuments({ projectId, declared });
    const second = firestoreDocuments({ projectId, declared });
    return {
      documents,
      second,
      close: async () => {
        await Promise.all([documents.close(), second.close()]);
      },
    };
  });

  describe("Firestore under rivals", () => {
    const projectId = newProject();
    let documents: Documents;
    let rival: Documents;

    beforeAll(() => {
      connectTo(emulator);
      documents = firestoreDocuments({ projectId, declared, maximumAttempts: 2 });
      rival = firestoreDocuments({ projectId, declared });
    });
    afterAll(async () => {
      await Promise.all([documents.close(), rival.close()]);
    });

    it.each([
      ["a document it writes", "things/a", []],
      ["a document it only read", "things/b", ["things/c"]],
    ])("gives up with a retryable error after its attempts against a rival at %s", async (_, contended, others) => {
      let runs = 0;

      const losing = documents.transaction(async (tx) => {
        runs += 1;
        await tx.getAll([contended, ...others]);
        await outside(() => increment(rival, contended));
        tx.set(others[0] ?? contended, { count: -1 });
      });

      await expect(losing).rejects.toMatchObject({ code: "DOCUMENTS_CONTENDED", retryable: true });
      expect(runs).toBe(2);
      expect((await documents.get(contended)).body).toEqual({ count: 2 });
    });

    it("does not believe an error of a body that saw two moments", async () => {
      let runs = 0;

      const sum = await documents.transaction(async (tx) => {
        runs += 1;
        const before = await tx.get<{ count: number }>("things/d");
        if (runs === 1) await outside(() => increment(rival, "things/d"));
        await tx.get("things/e");
        if (before.version === 0) throw new Error("missing, it seemed");
        return before.body?.count;
      });

      expect([sum, runs]).toEqual([1, 2]);
    });

    it("refuses a commit whose body saw a document come and go between two reads", async () => {
      let runs = 0;

      await documents.transaction(async (tx) => {
        runs += 1;
        await tx.get("things/f");
        if (runs === 1) await outside(() => increment(rival, "things/f"));
        const last = await tx.get<{ count: number }>("things/f");
        if (runs === 1) await outside(() => rival.transaction(async (other) => other.delete("things/f")));
        tx.set("things/f", { count: (last.body?.count ?? 0) + 1 });
      });

      expect(runs).toBe(2);
      expect((await documents.get("things/f")).body).toEqual({ count: 1 });
    });
  });

  it("stores the body in one map, expireAt as timestamp for the TTL, and the store's fields beside", async () => {
    connectTo(emulator);
    const projectId = newProject();
    const documents = firestoreDocuments({ projectId, declared });
    const client = new Firestore({ projectId });

    await documents.transaction(async (tx) =>
      tx.create("things/a", { at: "2030-01-01T00:00:00.000Z", expireAt: "2031-01-01T00:00:00Z" }),
    );
    const kept = await client.doc("things/a").get();
    await documents.transaction(async (tx) => {
      await tx.get("things/a");
      tx.set("things/a", { at: null });
    });
    const changed = await client.doc("things/a").get();
    await Promise.all([documents.close(), client.terminate()]);

    expect(kept.get("body")).toEqual({ at: "2030-01-01T00:00:00.000Z", expireAt: "2031-01-01T00:00:00Z" });
    expect(kept.get("expireAt").toDate()).toEqual(new Date("2031-01-01T00:00:00Z"));
    expect(kept.get("createdAt")).toBeInstanceOf(Timestamp);
    expect(Object.keys(changed.data() ?? {}).toSorted()).toEqual([
      "body",
      "commitId",
      "createdAt",
      "updatedAt",
      "version",
    ]);
    expect(changed.get("version")).toBe(2);
  });

  it.each(["an increment", "a creation"])("counts %s once when the answer to its commit is lost", async (kind) => {
    connectTo(emulator);
    const projectId = newProject();
    const observer = firestoreDocuments({ projectId, declared });
    await observer.get("things/a");
    const link = await breakableLink(emulator);
    connectTo(link.address);
    const documents = firestoreDocuments({ projectId, declared });
    await documents.get("things/a");
    let runs = 0;

    const result = documents.transaction(async (tx) => {
      runs += 1;
      const { body } = kind === "an increment" ? await tx.get<{ count: number }>("things/a") : { body: undefined };
      if (runs === 1) link.holdAnswers();
      const count = (body?.count ?? 0) + 1;
      if (kind === "an increment") tx.set("things/a", { count });
      else tx.create("things/a", { count });
      return count;
    });
    await expect.poll(async () => (await observer.get("things/a")).version, { timeout: 10_000 }).toBe(1);
    link.breakNow();

    expect(await result).toBe(1);
    expect(await observer.get("things/a")).toMatchObject({ body: { count: 1 }, version: 1 });
    await Promise.all([documents.close(), observer.close()]);
    link.close();
  });
});

it("answers a store that cannot be reached with a retryable error in its time", async () => {
  connectTo("127.0.0.1:1");
  const documents = firestoreDocuments({ projectId: newProject(), declared, timeoutSeconds: 0.5 });
  const unavailable = { code: "DOCUMENTS_UNAVAILABLE", retryable: true };

  await expect(documents.get("things/a")).rejects.toMatchObject(unavailable);
  await expect(documents.list({ collection: "things", limit: 1 })).rejects.toMatchObject(unavailable);
  await expect(documents.transaction(async (tx) => tx.get("things/a"))).rejects.toMatchObject(unavailable);
  await documents.close();
  await expect(documents.get("things/a")).rejects.toMatchObject(unavailable);
});

/** Runs a call as another process would: not inside the body that waits for it. */
function outside<R>(call: () => Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    pending.push(() => call().then(resolve, reject));
  });
}
const pending: (() => void)[] = [];
const pump = setInterval(() => {
  for (const call of pending.splice(0)) call();
}, 1);
afterAll(() => clearInterval(pump));

/** A TCP relay to the emulator that can withhold the answers of its open connections and then cut them. */
async function breakableLink(target: string) {
  const [host = "", port = ""] = target.split(":");
  const open: { near: Socket; far: Socket }[] = [];
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    open.push({ near, far });
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        near.destroy();
        far.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdAnswers: () => {
      for (const { near, far } of open) far.unpipe(near);
    },
    breakNow: () => {
      for (const { near } of open.splice(0)) near.destroy();
    },
    close: () => {
      for (const { near } of open) near.destroy();
      server.close();
    },
  };
}
