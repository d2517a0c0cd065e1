import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Firestore } from "@google-cloud/firestore";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { OrgIdentity } from "#shared/access/caller.ts";
import {
  type CredentialDocument,
  credentialPath,
  type IntegrationsIndex,
  indexPath,
} from "#shared/integrations/credential.ts";
import type { SubscriptionDocument } from "#shared/plans/subscription.ts";
import { subscriptionPath } from "#shared/plans/subscription.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { ReservationTally, ReservationWork } from "./reservation-worker.ts";

const emulator = inject("firestoreEmulator") ?? "";
const org: OrgIdentity = { slug: "acme", key: "acme", orgId: "org_01" };
const requests = 10_000;
const admissible = 1_000;

describe.skipIf(!emulator)("10,000 reservations at once against a limit of 1,000", () => {
  let projectId: string;
  let documents: Documents;
  const workers: ChildProcess[] = [];

  beforeAll(() => {
    process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
    process.env["METADATA_SERVER_DETECTION"] = "none";
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill("SIGKILL");
  });

  it.each([1, 4, 8])(
    "admit exactly 1,000 from %i processes and refuse the others for their quota",
    { timeout: 60_000 },
    async (processes) => {
      projectId = `p-${randomBytes(6).toString("hex")}`;
      documents = firestoreDocuments({ projectId, declared: async () => declareQueries([]) });
      await storeOrganization(documents);
      const ready = await Promise.all(
        Array.from({ length: processes }, (_, first) => startWorker({ first, step: processes })),
      );
      const started = performance.now();

      const tallies = await Promise.all(ready.map((worker) => reserveAll(worker)));

      const seconds = (performance.now() - started) / 1000;
      console.info(`${processes} processes: ${seconds.toFixed(1)} s`);
      expect(summed(tallies)).toEqual({ admitted: admissible, "QUOTA_EXCEEDED daily": requests - admissible });
      const { body: quota } = await documents.get<QuotaDocument>(quotaPath(org));
      expect(quota).toMatchObject({ dayRuns: admissible, monthRuns: admissible, dayMaxConcurrent: admissible });
      expect(Object.keys(quota?.running ?? {})).toHaveLength(admissible);
      expect(await storedIds("orgs/acme/runs")).toEqual(Object.keys(quota?.running ?? {}).sort());
      expect(await storedIds("runIndex")).toEqual(Object.keys(quota?.running ?? {}).sort());
      expect(await storedIds("orgs/acme/activeRuns")).toHaveLength(admissible);
      await documents.close();
    },
  );

  async function startWorker(share: { first: number; step: number }): Promise<ChildProcess> {
    const path = fileURLToPath(new URL("./reservation-worker.ts", import.meta.url));
    const worker = fork(path, { execArgv: ["--import", "tsx"] });
    workers.push(worker);
    const lastDay = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const work: ReservationWork = { projectId, org, lastDay, count: requests, ...share };
    worker.send(work);
    await once(worker, "message");
    return worker;
  }

  async function storedIds(collection: string): Promise<string[]> {
    const firestore = new Firestore({ projectId });
    const found = await firestore.collection(collection).select().get();
    await firestore.terminate();
    return found.docs.map((document) => document.id).sort();
  }
});

async function reserveAll(worker: ChildProcess): Promise<ReservationTally> {
  worker.send("go");
  const [tally] = await once(worker, "message");
  return tally as ReservationTally;
}

function summed(tallies: readonly ReservationTally[]): ReservationTally {
  const sum: ReservationTally = {};
  for (const [outcome, count] of tallies.flatMap((tally) => Object.entries(tally)))
    sum[outcome] = (sum[outcome] ?? 0) + count;
  return sum;
}

async function storeOrganization(documents: Documents): Promise<void> {
  const subscription: SubscriptionDocument = {
    subscriptionId: "sub_01",
    plan: "PROFESSIONAL",
    status: "ACTIVE",
    hold: false,
    overrides: { daily: admissible, monthly: 25_000, concurrent: 1_000 },
    trialEndsAt: null,
    graceEndsAt: null,
    endDate: null,
  };
  const since = new Date().toISOString();
  const index: IntegrationsIndex = {
    providers: { openai: { since, credentials: { cred_1: { name: "one", accountId: "acc" } } } },
  };
  const credential: Partial<CredentialDocument> = {
    credentialId: "cred_1",
    provider: "openai",
    status: "VALID",
    expiresAt: null,
  };
  await documents.transaction(async (tx) => {
    tx.create(subscriptionPath(org), subscription);
    tx.create(indexPath(org), index);
    tx.create(credentialPath(org, "cred_1"), credential);
  });
}
