import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Snapshot } from "#shared/platform/documents/documents.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { type AliasDocument, aliasPath, type BookState, pricePath, statePath } from "./org-prices.ts";
import type { PriceVersion } from "./price.ts";
import { bookVersion, type OrgAlias, type PriceBook, type PriceRelease, priceBook } from "./price-book.ts";
import { mirrorRow } from "./price-mirror.ts";
import { lineText } from "./versions.ts";

/** What a client says of a version; the writer adds who, when and which write. */
export type NewVersion = Pick<
  PriceVersion,
  "kind" | "flow" | "provider" | "modelId" | "region" | "commitmentType" | "currency" | "effectiveFrom" | "terms"
> &
  Partial<Pick<PriceVersion, "effectiveTo" | "notes" | "sourceRef" | "asOf">>;

/** One write to an organization's prices: what it reads, and what it puts into the book's next version. */
export interface PriceWriter {
  org: OrgIdentity;
  /** UTC day. */
  today: string;
  state: BookState;
  /** As it stands before this write. */
  book: PriceBook;
  /** Live versions of the organization. */
  own: readonly PriceVersion[];
  /** All versions of the organization, withdrawn ones too. */
  ever: readonly PriceVersion[];
  aliases: readonly AliasDocument[];
  /** Adds a version; a live one of the same line and day is withdrawn by it. */
  add(version: NewVersion): PriceVersion;
  withdraw(version: PriceVersion): void;
  addAlias(alias: Pick<OrgAlias, "provider" | "alias" | "modelId">): AliasDocument;
  removeAlias(alias: AliasDocument): void;
  setPolicy(policy: Pick<BookState, "releasePolicy" | "release">): void;
  /** The book with what this write has put into it so far. */
  next(): PriceBook;
}

/** What the transaction has read. */
export interface Stored {
  state: Snapshot<BookState>;
  prices: (Snapshot<PriceVersion> & { body: PriceVersion })[];
  aliases: (Snapshot<AliasDocument> & { body: AliasDocument })[];
  datasetId: string;
}

/** A write in the making: everything is decided in memory, `flush` puts it into the transaction. */
export interface Draft {
  writer: PriceWriter;
  /** False when nothing had to be written. */
  flush(change: Change): boolean;
}

/** Where and by whom a write is made. */
export interface Drafting {
  org: OrgIdentity;
  by: string;
  release: PriceRelease;
  stored: Stored;
  state: BookState;
  now: Date;
  ids: Surroundings["ids"];
}

/** What a write has changed so far. */
interface Pending {
  orgVersion: number;
  now: string;
  prices: Map<string, PriceVersion>;
  aliases: Map<string, AliasDocument>;
  touched: Set<string>;
  policy: Pick<BookState, "releasePolicy" | "release"> | undefined;
}

export function draftOf(drafting: Drafting): Draft {
  const { stored, state, now } = drafting;
  const pending: Pending = {
    orgVersion: state.orgVersion + 1,
    now: now.toISOString(),
    prices: new Map(stored.prices.map(({ body }) => [body.priceId, body])),
    aliases: new Map(stored.aliases.map(({ body }) => [body.aliasId, body])),
    touched: new Set(),
    policy: undefined,
  };
  const writer = {
    ...readings(drafting, pending),
    ...versionVerbs(drafting, pending),
    ...otherVerbs(drafting, pending),
  };
  return { writer, flush: (change) => flush(drafting, pending, change) };
}

function liveOf({ prices }: Pending): PriceVersion[] {
  return [...prices.values()].filter(({ withdrawnAt }) => withdrawnAt === null);
}

function readings(
  { org, state, release }: Drafting,
  pending: Pending,
): Pick<PriceWriter, "org" | "today" | "state" | "book" | "own" | "ever" | "aliases" | "next"> {
  const { prices, aliases, orgVersion, now } = pending;
  const bookAt = (version: number): PriceBook =>
    priceBook(release, { version, prices: [...prices.values()], aliases: [...aliases.values()] });
  return {
    org,
    today: now.slice(0, 10),
    state,
    book: bookAt(state.orgVersion),
    own: liveOf(pending),
    ever: [...prices.values()],
    aliases: [...aliases.values()].filter(({ removedOrgVersion }) => removedOrgVersion === null),
    next: () => bookAt(orgVersion),
  };
}

function versionVerbs({ by, ids }: Drafting, pending: Pending): Pick<PriceWriter, "add" | "withdraw"> {
  const { orgVersion, now, prices, touched } = pending;
  const put = (version: PriceVersion): void => {
    prices.set(version.priceId, version);
    touched.add(version.priceId);
  };
  const withdraw = (version: PriceVersion, supersededBy: string | null): void =>
    put({ ...version, withdrawnAt: now, withdrawnBy: by, withdrawnOrgVersion: orgVersion, supersededBy });
  return {
    add: (version) => {
      const made = madeVersion(version, { priceId: ids.newId("prc"), by, now, orgVersion });
      for (const other of liveOf(pending)) {
        const isSamePlace = lineText(other) === lineText(made) && other.effectiveFrom === made.effectiveFrom;
        if (isSamePlace) withdraw(other, made.priceId);
      }
      put(made);
      return made;
    },
    withdraw: (version) => withdraw(version, null),
  };
}

function otherVerbs(
  { by, ids }: Drafting,
  pending: Pending,
): Pick<PriceWriter, "addAlias" | "removeAlias" | "setPolicy"> {
  const { orgVersion, now, aliases, touched } = pending;
  const put = (alias: AliasDocument): AliasDocument => {
    aliases.set(alias.aliasId, alias);
    touched.add(alias.aliasId);
    return alias;
  };
  return {
    addAlias: (alias) =>
      put({ ...alias, aliasId: ids.newId("als"), orgVersion, removedOrgVersion: null, createdAt: now, createdBy: by }),
    removeAlias: (alias) => {
      put({ ...alias, removedOrgVersion: orgVersion });
    },
    setPolicy: (policy) => {
      pending.policy = policy;
    },
  };
}

function flush({ org, state, stored, release, ids }: Drafting, pending: Pending, change: Change): boolean {
  const { touched, policy, orgVersion, prices, aliases, now } = pending;
  if (touched.size === 0 && policy === undefined) return false;
  change.set<BookState>(statePath(org), { ...state, ...policy, orgVersion });
  const known = new Map(
    [...stored.prices, ...stored.aliases].map(({ path, version }) => [path.slice(path.lastIndexOf("/") + 1), version]),
  );
  const write = (path: string, id: string, body: object): void =>
    known.has(id) ? change.set(path, body) : change.create(path, body);
  const versions = [...touched].flatMap((id) => prices.get(id) ?? []);
  for (const version of versions) write(pricePath(org, version.priceId), version.priceId, version);
  for (const alias of [...touched].flatMap((id) => aliases.get(id) ?? []))
    write(aliasPath(org, alias.aliasId), alias.aliasId, alias);
  const book = bookVersion(state.release ?? release.number, orgVersion);
  const rows = versions.map((version) => {
    const documentVersion = (known.get(version.priceId) ?? 0) + 1;
    return mirrorRow(version, { bookVersion: book, documentVersion, eventId: ids.newId("evt"), now });
  });
  if (rows.length > 0) change.journal(stored.datasetId, "genai_model_prices", rows);
  return true;
}

function madeVersion(
  version: NewVersion,
  by: { priceId: string; by: string; now: string; orgVersion: number },
): PriceVersion {
  return {
    effectiveTo: null,
    notes: null,
    sourceRef: null,
    asOf: null,
    ...version,
    priceId: by.priceId,
    scope: "org",
    source: "org",
    confidence: "verified",
    dissent: [],
    createdAt: by.now,
    createdBy: by.by,
    orgVersion: by.orgVersion,
    withdrawnAt: null,
    withdrawnBy: null,
    withdrawnOrgVersion: null,
    supersededBy: null,
  };
}
