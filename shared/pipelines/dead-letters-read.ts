import { type Static, Type } from "@sinclair/typebox";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import { filteredPage } from "#shared/platform/documents/filtered-page.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { choice, nullable, paging, plainText, strictObject } from "#shared/runtime/schema.ts";
import { type DeadLetterDocument, deadLetterPath, deadLetterStates } from "./dead-letters.ts";

const text = Type.String();
const instant = Type.String({ format: "date-time" });
const word = Type.Optional(plainText(1, 200));

/** What letters are looked for by; `reason` is a part of the stored one. */
export const letterFilters = { topic: Type.Optional(plainText(1, 200)), org: word, reason: word };
export interface LetterFilters {
  topic?: string;
  org?: string;
  reason?: string;
}

export const DeadLetterQuery = strictObject({
  status: Type.Optional(choice(deadLetterStates)),
  ...letterFilters,
  ...paging(),
});
type DeadLetterQuery = Static<typeof DeadLetterQuery>;

const facts = {
  id: text,
  status: choice(deadLetterStates),
  topic: Type.String(),
  reason: text,
  deliveries: Type.Integer({ minimum: 0 }),
  org: nullable(text),
  run_id: nullable(text),
  first_at: instant,
  settled_at: nullable(instant),
  action: nullable(choice(["republished", "retried", "discarded"])),
  new_run_id: nullable(text),
};

export const DeadLetterList = strictObject({
  dead_letters: Type.Array(strictObject(facts)),
  limit: Type.Integer(),
  next_cursor: nullable(text),
});
type DeadLetterList = Static<typeof DeadLetterList>;

export const DeadLetter = strictObject({
  ...facts,
  payload: Type.Unknown(),
  attributes: Type.Record(text, text),
});
type DeadLetter = Static<typeof DeadLetter>;

/** Messages that nobody could handle, newest first. */
export async function listDeadLetters(query: DeadLetterQuery, documents: Documents): Promise<DeadLetterList> {
  const { status, limit, cursor } = query;
  const page = await filteredPage<DeadLetterDocument>(
    {
      collection: "deadLetters",
      filters: status === undefined ? [] : [{ field: "state", is: "==", value: status }],
      orderBy: [{ field: "firstAt", direction: "desc" }],
      cursor,
    },
    { isWanted: ({ body }) => isAsked(body, query), limit },
    documents,
  );
  return { dead_letters: page.documents.map(factsOf), limit, next_cursor: page.next ?? null };
}

/** One of them with its payload. Throws `DEAD_LETTER_NOT_FOUND`. */
export async function readDeadLetter(id: string, documents: Documents): Promise<DeadLetter> {
  const stored = await storedLetter(id, documents);
  return { ...factsOf(stored), payload: stored.body.payload, attributes: stored.body.attributes };
}

/** The letter as it is stored. Throws `DEAD_LETTER_NOT_FOUND`. */
export async function storedLetter(
  id: string,
  store: Pick<Documents, "get">,
): Promise<Snapshot<DeadLetterDocument> & { body: DeadLetterDocument }> {
  const unknown = new AppError("DEAD_LETTER_NOT_FOUND", "There is no such dead letter.");
  if (!/^[0-9a-f]{64}$/.test(id)) throw unknown;
  const stored = await store.get<DeadLetterDocument>(deadLetterPath(id));
  if (stored.body === undefined) throw unknown;
  return { ...stored, body: stored.body };
}

export function isAsked(letter: DeadLetterDocument, { topic, org, reason }: LetterFilters): boolean {
  return (
    (topic === undefined || letter.topic === topic) &&
    (org === undefined || letter.org === org.toLowerCase()) &&
    (reason === undefined || letter.reason.toLowerCase().includes(reason.toLowerCase()))
  );
}

function factsOf({ path, body }: { path: string; body: DeadLetterDocument }): DeadLetterList["dead_letters"][number] {
  const { settled } = body;
  return {
    id: path.split("/").at(-1) ?? "",
    status: body.state,
    topic: body.topic,
    reason: body.reason,
    deliveries: body.deliveries,
    org: body.org,
    run_id: body.runId,
    first_at: body.firstAt,
    settled_at: settled?.at ?? null,
    action: settled?.action ?? null,
    new_run_id: settled?.runId ?? null,
  };
}
