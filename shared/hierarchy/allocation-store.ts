import { LRUCache } from "lru-cache";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { Documents, Snapshot, Transaction } from "#shared/platform/documents/documents.ts";
import type { AllocationSettings } from "./allocate.ts";
import { type AllocationRule, inRuleOrder } from "./allocation-rule.ts";

/** Document `orgs/{key}/allocation/state`: read and written by every change of a rule or a setting. */
export interface AllocationState {
  settings: AllocationSettings;
  ruleCount: number;
}

/** Document `orgs/{key}/allocationJournal/{number}`: what led to this version. */
export interface AllocationJournal {
  number: number;
  at: string;
  by: string;
  operation: string;
  ruleIds: string[];
  before: unknown;
  after: unknown;
}

/** The rules and settings of an organization at one version. */
export interface AllocationRules {
  version: number;
  settings: AllocationSettings;
  /** In the order they are tried, inactive ones too. */
  rules: readonly AllocationRule[];
}

export const defaultSettings: AllocationSettings = {
  tagKeys: ["entity_id", "cost_center", "team", "project", "department"],
  ignoreCase: false,
};

export function allocationStatePath(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/allocation/state`;
}

export function rulePath(org: Pick<OrgIdentity, "key">, ruleId: string): string {
  return `orgs/${org.key}/allocationRules/${ruleId}`;
}

export function allocationJournalCollection(org: Pick<OrgIdentity, "key">): string {
  return `orgs/${org.key}/allocationJournal`;
}

/** Ids come from outside and become part of a path. */
export function isRuleId(text: string): boolean {
  return /^alc_[0-9A-HJKMNP-TV-Z]{26}$/.test(text);
}

const caches = new WeakMap<Documents, LRUCache<string, AllocationRules>>();

/** Rules and settings as they stand; remembered by the state's version, which every change of them raises. */
export async function currentRules(org: OrgIdentity, documents: Documents): Promise<AllocationRules> {
  const cache = caches.get(documents) ?? new LRUCache<string, AllocationRules>({ max: 200 });
  caches.set(documents, cache);
  const state = await documents.get<AllocationState>(allocationStatePath(org));
  const key = `${org.key}|${org.orgId}|${state.version}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const read = await documents.transaction((tx) => readRules(org, tx));
  cache.set(`${org.key}|${org.orgId}|${read.version}`, read);
  return read;
}

/** The same within a transaction. */
export async function readRules(org: OrgIdentity, tx: Pick<Transaction, "get" | "list">): Promise<AllocationRules> {
  const state = await tx.get<AllocationState>(allocationStatePath(org));
  return rulesAt(state, await listedRules(org, tx));
}

export function rulesAt(
  state: Snapshot<AllocationState>,
  stored: readonly { body: AllocationRule }[],
): AllocationRules {
  const rules = stored.map(({ body }) => body).sort(inRuleOrder);
  return { version: state.version, settings: state.body?.settings ?? defaultSettings, rules };
}

export async function listedRules(
  org: OrgIdentity,
  tx: Pick<Transaction, "list">,
): Promise<(Snapshot<AllocationRule> & { body: AllocationRule })[]> {
  // There are at most 500: one page holds them all.
  const page = await tx.list<AllocationRule>({ collection: `orgs/${org.key}/allocationRules`, limit: 500 });
  return page.documents;
}
