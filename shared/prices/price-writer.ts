import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { allDocuments } from "#shared/platform/documents/pages.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Answer, AuditDetails, Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type AliasDocument, type BookState, emptyState, statePath } from "./org-prices.ts";
import type { PriceVersion } from "./price.ts";
import { draftOf, type PriceWriter, type Stored } from "./price-draft.ts";
import { currentRelease, readRelease } from "./releases.ts";

export type WritePorts = { documents: Documents } & Pick<Surroundings, "clock" | "ids">;

/** What a write answers, and what its audit row says; `isUnchanged` where nothing had to be written. */
export interface Written<T> {
  answer: Answer<T>;
  details: AuditDetails;
}

/**
 * One write to an organization's prices in one transaction: the versions, the book's number, the mirror's rows and the
 * audit row. Writes of one organization follow each other, because each reads and moves the book's number.
 */
export async function changePrices<T>(
  asked: { org: OrgIdentity; caller: Caller },
  effects: Effects<T>,
  given: WritePorts,
  body: (writer: PriceWriter) => Written<T>,
): Promise<Answer<T>> {
  const { org, caller } = asked;
  const before = (await given.documents.get<BookState>(statePath(org))).body ?? emptyState;
  const number = before.release ?? (await currentRelease(given)).release;
  const release = await readRelease(number, given.documents);
  return effects.commit(async (change) => {
    const stored = await readStored(org, change);
    await effects.prepare(change);
    const state = stored.state.body ?? emptyState;
    if ((state.release ?? number) !== number) throw conflict();
    const draft = draftOf({ org, by: actorOf(caller), release, stored, state, now: change.now, ids: given.ids });
    const { answer, details } = body(draft.writer);
    const isChanged = draft.flush(change);
    effects.conclude(change, answer, isChanged ? details : { ...details, isAudited: true });
    return answer;
  });
}

function conflict(): AppError {
  return new AppError("VERSION_CONFLICT", "Another call has changed these prices; try again.", { retryable: true });
}

async function readStored(org: OrgIdentity, change: Change): Promise<Stored> {
  const state = await change.get<BookState>(statePath(org));
  const organization = await change.get<{ dataset: { id: string } }>(`orgs/${org.key}`);
  const prices = await allDocuments<PriceVersion>({ collection: `orgs/${org.key}/prices` }, change);
  const aliases = await allDocuments<AliasDocument>({ collection: `orgs/${org.key}/modelAliases` }, change);
  if (organization.body === undefined) throw new AppError("ORG_NOT_FOUND", "There is no such organization.");
  return { state, prices, aliases, datasetId: organization.body.dataset.id };
}

/** Who writes, as versions keep it. */
export function actorOf(caller: Caller): string {
  if (caller.kind === "key") return caller.keyId;
  if (caller.kind === "member" || caller.kind === "person") return caller.userId;
  return caller.kind;
}
