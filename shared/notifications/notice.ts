import type { Transaction } from "#shared/platform/documents/documents.ts";

/**
 * Document `orgs/{key}/notifications/{kind}:{id}`: what an organization was told, so that a message which comes again
 * tells nobody twice. Addresses are not kept.
 */
export interface NoticeDocument {
  kind: string;
  /** Tells one notice of a kind from the next. */
  id: string;
  data: Record<string, unknown>;
  /** To how many people. */
  receivers: number;
  expireAt: string;
}

const keptMilliseconds = 400 * 86_400_000;

function noticePath(orgKey: string, kind: string, id: string): string {
  return `orgs/${orgKey}/notifications/${kind}:${id}`;
}

/** Writes the notice, unless it stands: then false, and nobody is to be told. Before the first write of the transaction. */
export async function noteOnce(
  orgKey: string,
  notice: Omit<NoticeDocument, "expireAt">,
  tx: Pick<Transaction, "get" | "create">,
): Promise<boolean> {
  const path = noticePath(orgKey, notice.kind, notice.id);
  const { body, readAt } = await tx.get<NoticeDocument>(path);
  if (body !== undefined) return false;
  const expireAt = new Date(readAt.getTime() + keptMilliseconds).toISOString();
  tx.create<NoticeDocument>(path, { ...notice, expireAt });
  return true;
}
