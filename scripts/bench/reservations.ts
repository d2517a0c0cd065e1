import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Firestore } from "@google-cloud/firestore";
import { storeAdmissible } from "#scripts/e2e/reservation-organization.ts";
import type { ReservationNews, ReservationWork } from "#scripts/e2e/reservation-worker.ts";
import { startEmulators } from "#scripts/emulators/emulators.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";
import { alternately } from "./alternately.ts";
import type { Bench } from "./bench.ts";
import { type Comparison, compared, type Findings } from "./comparison.ts";
import type { FloorNews, FloorWork } from "./reservation-floor-worker.ts";

const org: OrgIdentity = { slug: "bench_org", key: "bench_org", orgId: "org_01BENCH" };
const requests = 10_000;
const admissible = 1_000;
const processCounts = [1, 4, 8];
const defaultRepetitions = 3;
const counter = "floor/counter";
/** A commit may be 10 MiB, the emulator takes less: https://firebase.google.com/docs/firestore/quotas . */
const transactionBytes = 3 * 2 ** 20;
/** Processes that write one counter at the same time stand in each other's way for minutes on the emulator. */
const patienceMilliseconds = 400_000;

/** 10,000 runs triggered at once against a limit of 1,000, on Firestore's emulator, against the least that has to be written. */
export async function reservations({ repetitions, say }: Bench): Promise<Findings> {
  const emulators = await startEmulators();
  try {
    if (emulators.firestore === undefined) {
      say("reservations: SKIPPED, there is no Firestore emulator or no Java on this machine");
      const reason = "no Firestore emulator or no Java on this machine";
      return { results: [{ part: "reservations", name: "reservations", reason }], wrong: [] };
    }
    process.env["FIRESTORE_EMULATOR_HOST"] = emulators.firestore;
    process.env["METADATA_SERVER_DETECTION"] = "none";
    return await measured(repetitions ?? defaultRepetitions, say);
  } finally {
    delete process.env["FIRESTORE_EMULATOR_HOST"];
    await emulators.stop();
  }
}

async function measured(repetitions: number, say: Bench["say"]): Promise<Findings> {
  const subjects = workers(new URL("../e2e/reservation-worker.ts", import.meta.url));
  const floors = workers(new URL("./reservation-floor-worker.ts", import.meta.url));
  const results: Comparison[] = [];
  const wrong: string[] = [];
  try {
    for (const count of processCounts) {
      say(`reservations: ${count} processes`);
      let written: FloorWork["documents"] = [];
      const subject = async (): Promise<number> => {
        const round = await reserveAll(subjects.slice(0, count));
        written = round.written;
        wrong.push(...round.wrong);
        return round.milliseconds;
      };
      // The documents of a real admission are what the floor writes, so the subject goes first.
      await subject();
      const yardstick = () => floorAll(floors.slice(0, count), written);
      const samples = await alternately({ subject, yardstick }, { warmUps: 1, repetitions });
      results.push(comparisonOf(count, written.length, samples));
    }
  } finally {
    for (const worker of [...subjects, ...floors]) worker.kill("SIGKILL");
  }
  return { results, wrong };
}

function comparisonOf(
  count: number,
  documents: number,
  { subject, yardstick }: { subject: number[]; yardstick: number[] },
): Comparison {
  return compared({
    part: "reservations",
    name: `reservations, ${count} ${count === 1 ? "process" : "processes"}`,
    unit: "ms",
    subject: { name: `${requests.toLocaleString("en")} requests`, samples: subject },
    yardstick: { name: "fewest transactions", samples: yardstick },
    aim: { atMost: 1.5 },
    note: `${admissible.toLocaleString("en")} admissions of ${documents} documents each, all on Google's emulator; the yardstick commits them in parts of 3 MiB`,
  });
}

function workers(script: URL): ChildProcess[] {
  const most = Math.max(...processCounts);
  return Array.from({ length: most }, () => fork(fileURLToPath(script), { execArgv: ["--import", "tsx"] }));
}

interface Round {
  milliseconds: number;
  /** The documents of one admission. */
  written: FloorWork["documents"];
  wrong: string[];
}

async function reserveAll(working: readonly ChildProcess[]): Promise<Round> {
  const projectId = `b-${randomBytes(6).toString("hex")}`;
  const documents = firestoreDocuments({ projectId, declared: async () => declareQueries([]) });
  await storeAdmissible(documents, org, admissible);
  await documents.close();
  const lastDay = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const step = working.length;
  const readies = working.map((worker, first) => {
    const work: ReservationWork = { projectId, org, lastDay, first, step, count: requests };
    return newsAfter<ReservationNews>(worker, work, projectId);
  });
  await Promise.all(readies);
  const startedAt = performance.now();
  const news = await Promise.all(working.map((worker) => newsAfter<ReservationNews>(worker, "go", projectId)));
  const milliseconds = performance.now() - startedAt;
  const tally: Record<string, number> = {};
  for (const [outcome, count] of news.flatMap((each) => Object.entries(each.tally)))
    tally[outcome] = (tally[outcome] ?? 0) + count;
  const isExact =
    tally["admitted"] === admissible &&
    tally["QUOTA_EXCEEDED daily"] === requests - admissible &&
    Object.keys(tally).length === 2;
  const wrong = isExact ? [] : [`reservations, ${step} processes: ${JSON.stringify(tally)}`];
  return { milliseconds, written: await documentsOfOne(projectId), wrong };
}

async function floorAll(working: readonly ChildProcess[], documents: FloorWork["documents"]): Promise<number> {
  const projectId = `b-${randomBytes(6).toString("hex")}`;
  const share = (at: number): number =>
    Math.floor((admissible * (at + 1)) / working.length) - Math.floor((admissible * at) / working.length);
  const together = Math.max(1, Math.floor(transactionBytes / JSON.stringify(documents).length));
  const readies = working.map((worker, at) => {
    const work: FloorWork = { projectId, counter, admissions: share(at), together, documents };
    return newsAfter<FloorNews>(worker, work, projectId);
  });
  await Promise.all(readies);
  const startedAt = performance.now();
  await Promise.all(working.map((worker) => newsAfter<FloorNews>(worker, "go", projectId)));
  return performance.now() - startedAt;
}

/** Sends a message and waits for the news of that project: an earlier round that failed may have left older ones. */
async function newsAfter<News extends { projectId: string }>(
  worker: ChildProcess,
  message: "go" | ReservationWork | FloorWork,
  projectId: string,
): Promise<News> {
  worker.send(message);
  const signal = AbortSignal.timeout(patienceMilliseconds);
  for (;;) {
    const [news] = (await once(worker, "message", { signal })) as [News];
    if (news.projectId === projectId) return news;
  }
}

/** What one admitted run has left in the store, message and audit row included. */
async function documentsOfOne(projectId: string): Promise<FloorWork["documents"]> {
  const firestore = new Firestore({ projectId });
  const collections = [`orgs/${org.key}/runs`, "runIndex", `orgs/${org.key}/activeRuns`, `orgs/${org.key}/audit`];
  const found = await Promise.all(collections.map((name) => firestore.collection(name).limit(1).get()));
  const message = await firestore.collection("outbox").where("body.topic", "!=", "history").limit(1).get();
  await firestore.terminate();
  return [...found, message].flatMap(({ docs }) =>
    docs.map((document) => ({
      collection: document.ref.parent.path,
      // Over a channel between processes, so as plain JSON; the sizes stay alike.
      fields: JSON.parse(JSON.stringify(document.data())) as Record<string, unknown>,
    })),
  );
}
