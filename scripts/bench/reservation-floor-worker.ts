import { once } from "node:events";
import { Firestore } from "@google-cloud/firestore";

/** One process' share of the admissions: how many, and the documents that each of them leaves. */
export interface FloorWork {
  projectId: string;
  /** Document of the counter, which every process reads and writes. */
  counter: string;
  admissions: number;
  /** So many admissions fit into one transaction. */
  together: number;
  /** What one admission writes: the collection and the fields of each of its documents. */
  documents: { collection: string; fields: Record<string, unknown> }[];
}

/** What a worker says: connected and waiting, or the transaction has committed. */
export interface FloorNews {
  projectId: string;
  state: "ready" | "done";
}

for (;;) {
  const [work] = (await once(process, "message")) as [FloorWork];
  const firestore = new Firestore({ projectId: work.projectId });
  await firestore.doc(work.counter).get();
  tell({ projectId: work.projectId, state: "ready" });
  await once(process, "message");
  await admitAll(firestore, work);
  tell({ projectId: work.projectId, state: "done" });
  await firestore.terminate();
}

function tell(news: FloorNews): void {
  process.send?.(news);
}

/** In as few transactions as they fit in, by Google's client alone, which tries again when another process came first. */
async function admitAll(firestore: Firestore, work: FloorWork): Promise<void> {
  for (let left = work.admissions; left > 0; left -= work.together) {
    await admit(firestore, work, Math.min(left, work.together));
  }
}

async function admit(firestore: Firestore, { counter, documents }: FloorWork, admissions: number): Promise<void> {
  await firestore.runTransaction(
    async (tx) => {
      const stored = await tx.get(firestore.doc(counter));
      const admitted = Number(stored.get("admitted") ?? 0);
      for (let at = 0; at < admissions; at++) {
        for (const { collection, fields } of documents) tx.create(firestore.collection(collection).doc(), fields);
      }
      tx.set(firestore.doc(counter), { admitted: admitted + admissions });
    },
    { maxAttempts: 20 },
  );
}
