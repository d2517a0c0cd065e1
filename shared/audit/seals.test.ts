import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import type { AuditDocument } from "#shared/runtime/audit-row.ts";
import { type AuditEntry, commitRecord } from "#shared/runtime/change.ts";
import { type MovableClock, memoryDocuments, movableClock } from "#shared/runtime/served.fixture.ts";
import { sealAudits } from "./seal.ts";
import { type AuditChain, orgChain, platformChain, rowsBetween, type SealDocument, sealPath } from "./seal-chain.ts";
import { verifySeals, verifySealsNamed } from "./verify-seals.ts";

const org = { slug: "Acme", key: "acme", orgId: "org_1" };
const entry: AuditEntry = {
  org,
  actorKind: "key",
  apiKeyId: "key_1",
  userId: null,
  action: "thing.made",
  operation: "CREATE",
  resourceType: "thing",
  resourceId: "t1",
  details: { name: { old: null, new: "x" } },
  ipAddress: "203.0.113.7",
  userAgent: "test",
  requestId: "req_1",
  status: "SUCCESS",
  errorMessage: null,
};
const dayMilliseconds = 86_400_000;

let clock: MovableClock;
let documents: Documents;

async function startStore(): Promise<void> {
  clock = movableClock();
  documents = memoryDocuments(clock);
  await documents.transaction(async (tx) => {
    tx.create("orgs/acme", { slug: "Acme", orgId: org.orgId, state: "ACTIVE" });
  });
}

beforeEach(startStore);
afterEach(() => documents.close());

/** Writes so many rows, a second apart, and seals them once they have settled. */
async function sealedRows(count: number): Promise<number> {
  await rows(count);
  clock.advance(121_000);
  return sealAudits({ documents, clock });
}

/** null: the platform's own. */
async function rows(count: number, of: typeof org | null = org): Promise<void> {
  for (let at = 0; at < count; at++) {
    await commitRecord(async (change) => change.audit({ ...entry, org: of ?? undefined }), {
      documents,
      clock,
      ids: systemIds,
    });
    clock.advance(1_000);
  }
}

async function pathsOfRows(chain: AuditChain = orgChain(org)): Promise<string[]> {
  const found: string[] = [];
  const ever = { after: "1970-01-01T00:00:00.000Z", through: "9999-01-01T00:00:00.000Z" };
  for await (const { path } of rowsBetween(chain, ever, documents)) found.push(path);
  return found;
}

async function replace<T extends object>(path: string, change: (body: T) => T | undefined): Promise<void> {
  await documents.transaction(async (tx) => {
    const { body } = await tx.get<T>(path);
    const changed = change(body as T);
    if (changed === undefined) tx.delete(path);
    else tx.set(path, changed);
  });
}

describe("sealing (organizations.md 9)", () => {
  it("chains what has settled, once, and leaves the youngest rows to the next time", async () => {
    expect(await sealedRows(3)).toBe(1);
    await rows(2);
    expect(await sealAudits({ documents, clock })).toBe(0);

    const report = await verifySeals(org, documents);

    expect(report).toEqual({
      org_slug: "Acme",
      seals: 1,
      rows: 3,
      unsealed_rows: 2,
      valid: true,
      first_bad: null,
    });
    expect(await sealedRows(0)).toBe(1);
    expect(await verifySeals(org, documents)).toMatchObject({ seals: 2, rows: 5, unsealed_rows: 0, valid: true });
  });

  it("makes one seal when two ticks run at once", async () => {
    await rows(3);
    clock.advance(121_000);

    const made = await Promise.all([sealAudits({ documents, clock }), sealAudits({ documents, clock })]);

    expect(made.toSorted()).toEqual([0, 1]);
    expect(await verifySeals(org, documents)).toMatchObject({ seals: 1, valid: true });
  });

  it("is one chain for each company: another's seals do not hold here", async () => {
    await sealedRows(2);

    const report = await verifySeals({ ...org, orgId: "org_2" }, documents);

    expect(report).toMatchObject({ valid: false, first_bad: 1 });
  });

  it("says nothing against rows that went after their 400 days", async () => {
    await sealedRows(3);
    const old = await pathsOfRows();
    clock.advance(401 * dayMilliseconds);
    await sealedRows(2);
    for (const path of old) await replace(path, () => undefined);

    expect(await verifySeals(org, documents)).toMatchObject({ seals: 2, rows: 5, valid: true });
  });

  it("chains the platform's own rows apart from every organization's", async () => {
    await rows(2);
    await rows(3, null);
    clock.advance(121_000);
    const made = await sealAudits({ documents, clock });
    const before = await verifySealsNamed("_PLATFORM", documents);
    const [path = ""] = await pathsOfRows(platformChain);
    await replace<AuditDocument>(path, (body) => ({ ...body, resourceId: "t2" }));

    expect(made).toBe(2);
    expect(before).toMatchObject({ org_slug: "_platform", seals: 1, rows: 3, unsealed_rows: 0, valid: true });
    expect(await verifySealsNamed("_platform", documents)).toMatchObject({ valid: false, first_bad: 1 });
    expect(await verifySealsNamed("ACME", documents)).toMatchObject({ org_slug: "Acme", rows: 2, valid: true });
  });

  it("holds for an organization without rows", async () => {
    expect(await sealedRows(0)).toBe(0);
    expect(await verifySeals(org, documents)).toMatchObject({ seals: 0, rows: 0, valid: true, first_bad: null });
  });
});

type Tampering = (rowPaths: string[], pick: number) => Promise<void>;

const changes: Partial<AuditDocument>[] = [
  { actorKind: "system" },
  { apiKeyId: "key_2" },
  { apiKeyId: null },
  { userId: "usr_1" },
  { action: "thing.kept" },
  { operation: "UPDATE" },
  { resourceType: "things" },
  { resourceId: "t2" },
  { details: { name: { old: "x", new: null } } },
  { details: null },
  {
    details: [
      [
        "name",
        [
          ["new", "x"],
          ["old", null],
        ],
      ],
    ] as unknown as Record<string, unknown>,
  },
  { ipAddress: "203.0.113.8" },
  { userAgent: null },
  { requestId: "req_2" },
  { status: "DENIED" },
  { errorMessage: "" },
  { expireAt: "2030-01-01T00:00:00.000Z" },
];

const tamperings: Record<string, Tampering> = {
  "a field of a row": (paths, pick) =>
    replace<AuditDocument>(paths[pick % paths.length] ?? "", (body) => ({
      ...body,
      ...changes[pick % changes.length],
    })),
  "a field more": (paths, pick) => replace(paths[pick % paths.length] ?? "", (body) => ({ ...body, more: true })),
  "a row removed": (paths, pick) => replace(paths[pick % paths.length] ?? "", () => undefined),
  "a row added where others are sealed": async (paths, pick) => {
    const before = pick % (3600 * 1000);
    clock.advance(-before - 130_000);
    await documents.transaction(async (tx) => {
      const { body } = await tx.get<AuditDocument>(paths[0] ?? "");
      tx.create("orgs/acme/audit/aud_forged", body ?? {});
    });
    clock.advance(before + 130_000);
  },
  "a row moved": async (paths, pick) => {
    const path = paths[pick % paths.length] ?? "";
    const body = (await documents.get<AuditDocument>(path)).body ?? {};
    await replace(path, () => undefined);
    clock.advance(-130_000);
    await documents.transaction(async (tx) => tx.create(path, body));
    clock.advance(130_000);
  },
};

describe("any single tampering", () => {
  it.each(Object.entries(tamperings))("is found: %s", async (_what, tamper) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        async (stretches, pick) => {
          await documents.close();
          await startStore();
          for (const count of stretches) await sealedRows(count);
          expect(await verifySeals(org, documents)).toMatchObject({ valid: true, unsealed_rows: 0 });

          await tamper(await pathsOfRows(), pick);

          expect(await verifySeals(org, documents)).toMatchObject({ valid: false });
        },
      ),
      { numRuns: 15 },
    );
  });

  it.each<[string, Partial<SealDocument>]>([
    ["its hash", { hash: "0".repeat(64) }],
    ["its number of rows", { rows: 1 }],
    ["its beginning", { after: "2026-08-10T12:00:00.500Z" }],
    ["its end", { through: "2026-08-10T12:00:01.500Z" }],
    ["what it is chained to", { previous: "0".repeat(64) }],
    ["its number", { n: 7 }],
  ])("of a seal is found: %s", async (_what, change) => {
    await sealedRows(3);
    await sealedRows(2);
    await sealedRows(2);

    await replace<SealDocument>(sealPath(orgChain(org), 2), (seal) => ({ ...seal, ...change }));

    expect(await verifySeals(org, documents)).toMatchObject({ valid: false, first_bad: 2 });
  });

  it("of the chain is found: a seal removed", async () => {
    for (const count of [3, 2, 2]) await sealedRows(count);

    await replace(sealPath(orgChain(org), 2), () => undefined);

    expect(await verifySeals(org, documents)).toMatchObject({ valid: false, first_bad: 2 });
  });
});
