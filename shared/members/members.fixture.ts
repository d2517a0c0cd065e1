import { randomBytes } from "node:crypto";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { type TestClock, testClock } from "#scripts/e2e/world.ts";
import type { Caller, OrgIdentity } from "#shared/access/caller.ts";
import { roleScopes } from "#shared/access/role-scopes.ts";
import { type MembershipDocument, membershipPath } from "#shared/access/roles.ts";
import { acceptOwnerInvites } from "#shared/account/owner-invites.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { createPerson, personOf as personWith } from "#shared/people/person.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";
import { systemIds } from "#shared/platform/ids.ts";
import { localWrapper, openEnvelope, sealEnvelope } from "#shared/platform/keys/envelope.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { inProcessTopics } from "#shared/platform/topics/in-process-topics.ts";
import type { Topics } from "#shared/platform/topics/topics.ts";
import { emptyQuota, type QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type Seats, seatsOf } from "#shared/quotas/seats.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { isAppError } from "#shared/runtime/errors.ts";
import { noMetrics } from "#shared/runtime/metrics.ts";
import type { InviteDocument } from "./invite.ts";
import { acceptInvite } from "./invite-accept.ts";
import { createInvite, type InviteRequest } from "./invite-create.ts";
import { inviteOwner } from "./owner-invite.ts";

export const org: OrgIdentity = { slug: "Acme", key: "acme", orgId: "org_01ARZ3NDEKTSV4RRFFQ69G5FAV" };

type Person = Caller & { kind: "person" };

interface MailPayload {
  name: string;
  to: string;
  mail_id: string;
  values: Record<string, string>;
  sealed_token: Parameters<Keys["open"]>[0] | null;
}

/** The organization `acme` with so many seats, in a store whose transaction bodies run twice, and the verbs of its people. */
export interface MembersWorld {
  documents: RecordedDocuments;
  clock: TestClock;
  ports: { documents: Documents; topics: Topics; keys: Keys; clock: TestClock; ids: typeof systemIds };
  effects<T>(action?: string): Effects<T>;
  /** Somebody who has just signed in with this address; nothing is accepted by it. */
  person(email: string): Promise<Person>;
  /** The person with the role that is stored now; one who is no member has the role they would need. */
  as(person: Person): Promise<Caller & { kind: "member" }>;
  /** The first owner: invited by the operator, accepted by signing in. */
  owner(email?: string): Promise<Person>;
  /** Invites as this caller, and answers the token that was mailed. */
  invite(caller: Caller, email: string, request?: Partial<InviteRequest>): Promise<{ inviteId: string; token: string }>;
  /** Makes the address a member through an invite of the caller's. */
  joined(caller: Caller, email: string, role?: InviteRequest["role"]): Promise<Person>;
  /** What every sign-in does beside the session; true when it made the person the owner. */
  signIn(person: Person): Promise<boolean>;
  setSeats(seats: number | null, status?: SubscriptionDocument["status"]): Promise<void>;
  seats(): Promise<Seats & { members: number }>;
  members(): Record<string, string>;
  inviteOf(inviteId: string): InviteDocument;
  mails(): Promise<(MailPayload & { token: string | undefined })[]>;
  audit(): Record<string, unknown>[];
  messages(topic: string): unknown[];
}

export async function startMembers(seats: number | null, documentsOf?: () => Documents): Promise<MembersWorld> {
  const clock = testClock("2026-08-10T12:00:00Z");
  const declared = async () => declareQueries(await configFile("documents/indexes.yml"));
  const store = documentsOf?.() ?? sqliteDocuments({ file: ":memory:", clock, declared, runBodiesTwice: true });
  const documents = recordedDocuments(store);
  const ports = { documents, topics: inProcessTopics({ clock }), keys: memoryKeys(), clock, ids: systemIds };
  await found(documents, seats, clock.now());
  return worldOf(ports);
}

const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const surroundings = { log: silent, metrics: noMetrics, config: await readConfiguration({ ENVIRONMENT: "test" }) };

/** A caller that is a key of the organization with every scope. */
export const key: Caller = { kind: "key", credentialId: "key_1", keyId: "key_1", org, scopes: ["*"] };

/** The code of the refusal; anything but an expected failure is thrown on. */
export async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isAppError(error)) return error.code;
    throw error;
  }
}

function worldOf(ports: MembersWorld["ports"] & { documents: RecordedDocuments }): MembersWorld {
  const { documents } = ports;
  const payloads = (topic: string): unknown[] =>
    [...documents.stored]
      .filter(([path, body]) => path.startsWith("outbox/") && body["topic"] === topic)
      .map(([, body]) => body["payload"]);
  const world: MembersWorld = {
    documents,
    clock: ports.clock,
    ports,
    effects: (action = "test.done") => effectsOf(action, ports),
    person: (email) => personOf(email, ports),
    as: async (person) => {
      const { body } = await documents.get<MembershipDocument>(membershipPath(org.key, person.userId));
      const role = body?.status === "ACTIVE" ? body.role : "owner";
      return { ...person, kind: "member", org, role, scopes: roleScopes(role) };
    },
    owner: async (email = "owner@acme.example") => {
      await inviteOwner({ slug: "ACME", request: { email } }, world.effects(), ports);
      const person = await world.person(email);
      await world.signIn(person);
      return person;
    },
    invite: async (caller, email, request = {}) => {
      const asked = { org, caller, request: { email, ...request } };
      const { body } = await createInvite(asked, world.effects("invite.created"), ports);
      const mail = (await world.mails()).findLast(({ to }) => to === email.trim());
      return { inviteId: body.invite_id, token: mail?.token ?? "" };
    },
    joined: async (caller, email, role = "member") => {
      const { token } = await world.invite(caller, email, { role });
      const person = await world.person(email);
      await acceptInvite({ caller: person, reference: { token } }, world.effects("invite.accepted"), ports);
      return person;
    },
    signIn: async (person) => {
      const ownerOnFile = () => documents.stored.get(`orgs/${org.key}`)?.["ownerUserId"];
      const before = ownerOnFile();
      await acceptOwnerInvites(person, world.effects("invite.accepted"), { ...ports, ...surroundings });
      return ownerOnFile() === person.userId && before !== person.userId;
    },
    setSeats: (count, status = "ACTIVE") => store(documents, subscriptionPath(org), subscription(count, status)),
    seats: async () => {
      const { body, readAt } = await documents.get<QuotaDocument>(quotaPath(org));
      const quota = body ?? emptyQuota(readAt);
      return { ...seatsOf(quota, readAt), members: quota.members };
    },
    members: () =>
      Object.fromEntries(
        [...documents.stored]
          .filter(([path, body]) => path.startsWith(`orgs/${org.key}/members/`) && body["status"] === "ACTIVE")
          .map(([, body]) => [String(body["email"]), String(body["role"])]),
      ),
    inviteOf: (inviteId) => documents.stored.get(`orgs/${org.key}/invites/${inviteId}`) as unknown as InviteDocument,
    mails: () => Promise.all((payloads("mail") as MailPayload[]).map((mail) => opened(mail, ports.keys))),
    audit: () =>
      [...documents.stored].filter(([path]) => path.startsWith(`orgs/${org.key}/audit/`)).map(([, body]) => body),
    messages: payloads,
  };
  return world;
}

/** As the runtime gives them: the row is the organization's unless the work says otherwise. */
function effectsOf<T>(action: string, ports: MembersWorld["ports"]): Effects<T> {
  const effects = auditedEffects<T>(action, ports);
  return {
    ...effects,
    conclude: (change, answer, details = {}) => effects.conclude(change, answer, { org, ...details }),
  };
}

async function opened(mail: MailPayload, keys: Keys): Promise<MailPayload & { token: string | undefined }> {
  if (mail.sealed_token === null) return { ...mail, token: undefined };
  const token = await keys.open(mail.sealed_token, `v1|mail|${mail.mail_id}`);
  return { ...mail, token: new TextDecoder().decode(token) };
}

async function personOf(email: string, { documents, clock }: MembersWorld["ports"]): Promise<Person> {
  const userId = await documents.transaction(async (tx) => {
    const person = await personWith(email, tx);
    return person?.userId ?? createPerson({ userId: systemIds.newId("usr"), email }, tx).userId;
  });
  const signedInAt = clock.now().toISOString();
  return { kind: "person", credentialId: "session", sessionId: "session", userId, email, signedInAt };
}

async function found(documents: Documents, seats: number | null, now: Date): Promise<void> {
  const body: Partial<OrgDocument> = {
    slug: org.slug,
    orgId: org.orgId,
    state: "ACTIVE",
    companyName: "Acme Inc.",
    locale: {
      defaultCurrency: "USD",
      defaultCountry: "US",
      defaultLanguage: "en",
      defaultTimezone: "UTC",
      fiscalYearStartMonth: 1,
      dateFormat: "YYYY-MM-DD",
    },
  };
  await store(documents, `orgs/${org.key}`, body);
  await store(documents, subscriptionPath(org), subscription(seats, "ACTIVE"));
  await store(documents, quotaPath(org), emptyQuota(now));
}

function subscription(seats: number | null, status: SubscriptionDocument["status"]): Partial<SubscriptionDocument> {
  return {
    subscriptionId: "sub_01",
    plan: "STARTER",
    status,
    hold: false,
    overrides: { seats },
    trialEndsAt: null,
    graceEndsAt: null,
    endDate: null,
  };
}

function store(documents: Documents, path: string, body: object): Promise<void> {
  return documents.transaction(async (tx) => {
    await tx.get(path);
    tx.set(path, body);
  });
}

function memoryKeys(): Keys {
  const wrapper = localWrapper({ key: randomBytes(32), keyName: "test", keyVersion: "1" });
  return {
    seal: (plaintext, context) => sealEnvelope(plaintext, context, wrapper.wrap),
    open: (sealed, context) => openEnvelope(sealed, context, wrapper.unwrap),
    rewrap: async (sealed) => sealed,
  };
}
