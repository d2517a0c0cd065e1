import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Firestore } from "@google-cloud/firestore";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { storeAdmissible } from "./reservation-organization.ts";
import type { ReservationNews, ReservationTally, ReservationWork } from "./reservation-worker.ts";

const emulator = inject("firestoreEmulator") ?? "";
const org: OrgIdentity = { slug: "acme", key: "acme", orgId: "org_01" };
const requests = 10_000;
const admissible = 1_000;
const processCounts = [1, 4, 8];

// `organizations.md` 6, row "10,000 reservations at once": real processes, the real trigger, one Firestore.
describe.skipIf(!emulator)("10,000 reservations at once against a limit of 1,000", () => {
  let workers: ChildProcess[];

  beforeAll(() => {
    process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
    process.env["METADATA_SERVER_DETECTION"] = "none";
    const script = fileURLToPath(new URL("./reservation-worker.ts", import.meta.url));
    workers = Array.from({ length: Math.max(...processCounts) }, () => fork(script, { execArgv: ["--import", "tsx"] }));
  });
  afterAll(() => {
    for (const worker of workers) worker.kill("SIGKILL");
  });

  it.each(processCounts)(
    "admit exactly 1,000 from %i processes and refuse the others for their quota",
    async (count) => {
      const projectId = `p-${randomBytes(6).toString("hex")}`;
      const documents = firestoreDocuments({ projectId, declared: async () => declareQueries([]) });
      await storeAdmissible(documents, org, admissible);
      const working = workers.slice(0, count);
      const lastDay = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
      const work = { projectId, org, lastDay, count: requests, step: count };
      await Promise.all(working.map((worker, first) => newsAfter({ ...work, first }, worker, projectId)));
      const started = performance.now();

      const tallies = await Promise.all(working.map((worker) => newsAfter("go", worker, projectId)));

      console.info(`${count} processes: ${((performance.now() - started) / 1000).toFixed(1)} s`);
      expect(summed(tallies)).toEqual({ admitted: admissible, "QUOTA_EXCEEDED daily": requests - admissible });
      const { body: quota } = await documents.get<QuotaDocument>(quotaPath(org));
      expect(quota).toMatchObject({ dayRuns: admissible, monthRuns: admissible, dayMaxConcurrent: admissible });
      const slots = Object.keys(quota?.running ?? {}).sort();
      expect(slots).toHaveLength(admissible);
      expect(await storedIds(projectId, "orgs/acme/runs")).toEqual(slots);
      expect(await storedIds(projectId, "runIndex")).toEqual(slots);
      expect(await storedIds(projectId, "orgs/acme/activeRuns")).toHaveLength(admissible);
      expect(await storedIds(projectId, "orgs/acme/audit")).toHaveLength(admissible);
      await documents.close();
    },
    120_000,
  );
});

/** Sends the worker a message and waits for its news of that work: a case that failed may have left older ones. */
async function newsAfter(
  message: "go" | ReservationWork,
  worker: ChildProcess,
  projectId: string,
): Promise<ReservationTally> {
  worker.send(message);
  for (;;) {
    const [news] = (await once(worker, "message")) as [ReservationNews];
    if (news.projectId === projectId) return news.tally;
  }
}

function summed(tallies: readonly ReservationTally[]): ReservationTally {
  const sum: ReservationTally = {};
  for (const [outcome, count] of tallies.flatMap((tally) => Object.entries(tally))) {
    sum[outcome] = (sum[outcome] ?? 0) + count;
  }
  return sum;
}

async function storedIds(projectId: string, collection: string): Promise<string[]> {
  const firestore = new Firestore({ projectId });
  const found = await firestore.collection(collection).select().get();
  await firestore.terminate();
  return found.docs.map((document) => document.id).sort();
}
