import { type Static, Type } from "@sinclair/typebox";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { credentialContext, sealForOrg } from "#shared/access/org-keys.ts";
import { entityToName } from "#shared/hierarchy/entity-reference.ts";
import { plans } from "#shared/plans/plans.ts";
import { effectiveSubscription, type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import type { Documents, Snapshot } from "#shared/platform/documents/documents.ts";
import type { Keys } from "#shared/platform/keys/keys.ts";
import { providers } from "#shared/providers/load-registry.ts";
import type { ValidationOutcome } from "#shared/providers/provider.ts";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { warnOfProviders } from "#shared/quotas/provider-change.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import type { Change } from "#shared/runtime/change.ts";
import type { Effects } from "#shared/runtime/declaration.ts";
import { AppError } from "#shared/runtime/errors.ts";
import type { Surroundings } from "#shared/runtime/ports.ts";
import { choice, nullable, plainText, strictObject } from "#shared/runtime/schema.ts";
import { subscriptionInactive } from "#shared/runtime/subscription-gate.ts";
import {
  type ConnectedCredential,
  type ConnectedProvider,
  type CredentialDocument,
  credentialPath,
  fingerprintOf,
  type IntegrationsIndex,
  indexPath,
  newCredentialId,
  userDetails,
  wellFormedSecret,
} from "./credential.ts";
import { credentialHistory } from "./credential-history.ts";
import { checkedMetadata } from "./metadata.ts";
import { acceptedByProvider } from "./provider-check.ts";
import { type SetupAnswer, setupAnswer } from "./setup-answer.ts";
import { publishStatusMove } from "./status-event.ts";

export const SetupRequest = strictObject({
  credential: Type.Optional(
    Type.Union([Type.String(), Type.Record(Type.String(), Type.Unknown())], {
      alsoAs: ["api_key", "admin_key", "token", "service_account_json", "service_account", "credentials"],
    }),
  ),
  credential_name: Type.Optional(plainText(3, 200, { alsoAs: ["name"] })),
  metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  environment: Type.Optional(choice(["prod", "staging", "dev"])),
  expires_at: Type.Optional(nullable(Type.String({ format: "date-time" }))),
  user_detail: Type.Optional(choice(userDetails)),
  default_hierarchy_entity_id: Type.Optional(
    Type.Union([Type.String({ pattern: "^[A-Za-z0-9_-]{1,50}$" }), Type.Null()], {
      alsoAs: ["hierarchy_entity_id", "default_x_hierarchy_entity_id"],
      description: "Entity that its cost reaches when nothing else says where it goes; absent: as it was",
    }),
  ),
});
export type SetupRequest = Static<typeof SetupRequest>;

/** What else stands or falls with a credential that can be used now: reads in its transaction, and answers what it writes. */
export type WhenUsable = (org: OrgIdentity, provider: string, change: Change) => Promise<() => void>;

export type IntegrationPorts = { documents: Documents; keys: Keys } & Surroundings;

const maximumCredentials = 20;

/** A credential that the provider has accepted, sealed and ready to be stored. */
interface Accepted {
  org: OrgIdentity;
  entry: ProviderEntry;
  name: string;
  credentialId: string;
  secretVersion: number;
  document: CredentialDocument;
}

/**
 * Stores a credential after the provider has accepted it. The same name replaces the secret under the same credential
 * id. The order of the checks is `providers.md` 1.3; each stops the rest, and a refusal leaves every document as it was.
 */
export async function setUpIntegration(
  asked: { org: OrgIdentity; provider: string; request: SetupRequest; whenUsable?: WhenUsable },
  effects: Effects<SetupAnswer>,
  given: IntegrationPorts,
): Promise<SetupAnswer> {
  const { org, request } = asked;
  const registry = await providers();
  const entry = registry.provider(asked.provider);
  const secret = secretOf(entry, request, (text) => registry.acceptsShape(entry, text));
  const metadata = await checkedMetadata(entry, request.metadata ?? {}, secret);
  const name = credentialName(request.credential_name);
  refusePast(request.expires_at, given.clock.now());
  await defaultEntity(org, request, undefined, given.documents);
  const early = await given.documents.get<IntegrationsIndex>(indexPath(org));
  const limits = await connectLimits(org, given);
  refuseAboveLimit(early.body, entry.slug, limits.providers);
  const outcome = await acceptedByProvider(entry, secret, metadata, given);
  const accepted = await sealed({ org, entry, name, secret, metadata, request, outcome, index: early.body }, given);
  const { whenUsable = nothingMore } = asked;
  return effects.commit((change) => store({ ...accepted, request, whenUsable }, outcome, change, effects));
}

/** As asked, or as it was. Throws `HIERARCHY_ENTITY_UNKNOWN`. */
async function defaultEntity(
  org: OrgIdentity,
  { default_hierarchy_entity_id: asked }: SetupRequest,
  before: CredentialDocument | undefined,
  from: Pick<Documents, "get"> | Pick<Change, "get">,
): Promise<string | null> {
  if (asked === undefined) return before?.defaultHierarchyEntityId ?? null;
  return asked === null ? null : entityToName({ org, text: asked, path: "/default_hierarchy_entity_id" }, from);
}

/** For callers that nothing else hangs on. */
export const nothingMore: WhenUsable = async () => () => {};

/** The secret that the provider's kind asks for; none where its data comes as files. */
function secretOf(entry: ProviderEntry, request: SetupRequest, accepts: (secret: string) => boolean): string {
  const { credential } = request;
  if (entry.credential.kind === "none") {
    if (credential === undefined || credential === "") return "";
    const message = `${entry.display_name} takes no credential: a secret without a use is not kept.`;
    throw new AppError("CREDENTIAL_TYPE_NOT_SUPPORTED", message, {
      fields: [{ path: "/credential", problem: "is not used" }],
    });
  }
  if (credential !== undefined) return wellFormedSecret(credential, accepts);
  throw new AppError("INVALID_BODY", "credential is required.", {
    fields: [{ path: "/credential", problem: "is required" }],
  });
}

async function connectLimits(org: OrgIdentity, given: IntegrationPorts): Promise<{ providers: number | null }> {
  const { body, readAt } = await given.documents.get<SubscriptionDocument>(subscriptionPath(org));
  const effective = effectiveSubscription(body, await plans(), readAt);
  if (!effective.canRun) throw subscriptionInactive(effective);
  return effective.limits;
}

function refuseAboveLimit(index: IntegrationsIndex | undefined, slug: string, limit: number | null): void {
  const connected = Object.keys(index?.providers ?? {});
  if (limit === null || connected.includes(slug) || connected.length < limit) return;
  throw new AppError("PLAN_LIMIT_REACHED", `Plan limit reached. Max providers: ${limit}.`, {
    extra: { quota: "providers" },
    fields: [{ path: "/quota/providers", problem: `limit of ${limit} is reached` }],
  });
}

function credentialName(sent = "default"): string {
  const name = sent.normalize("NFC").trim();
  if (name.length >= 3) return name;
  throw new AppError("INVALID_BODY", "credential_name must have at least 3 characters.", {
    fields: [{ path: "/credential_name", problem: "must have at least 3 characters beside spaces" }],
  });
}

function refusePast(expiresAt: string | null | undefined, now: Date): void {
  if (expiresAt == null || Date.parse(expiresAt) > now.getTime()) return;
  throw new AppError("INVALID_BODY", "expires_at must be in the future.", {
    fields: [{ path: "/expires_at", problem: "must be in the future" }],
  });
}

interface Sealing {
  org: OrgIdentity;
  entry: ProviderEntry;
  name: string;
  secret: string;
  metadata: Record<string, unknown>;
  request: SetupRequest;
  outcome: ValidationOutcome;
  index: IntegrationsIndex | undefined;
}

async function sealed(sealing: Sealing, given: IntegrationPorts): Promise<Accepted> {
  const { org, entry, name, secret, outcome, request } = sealing;
  const credentialId = namedCredential(sealing.index?.providers[entry.slug], name) ?? newCredentialId();
  const before = (await given.documents.get<CredentialDocument>(credentialPath(org, credentialId))).body;
  const secretVersion = (before?.secretVersion ?? 0) + 1;
  const value = await sealForOrg(
    org.orgId,
    secret,
    credentialContext(org.orgId, entry.slug, credentialId, secretVersion),
    given,
  );
  const document: CredentialDocument = {
    credentialId,
    provider: entry.slug,
    name,
    sealed: value,
    secretVersion,
    fingerprint: fingerprintOf(secret, entry),
    status: outcome.status,
    capabilities: outcome.capabilities,
    checks: outcome.checks,
    leastPrivilege: outcome.leastPrivilege,
    metadata: sealing.metadata,
    accountId: outcome.accountId ?? credentialId,
    environment: request.environment ?? before?.environment ?? "prod",
    userDetail: request.user_detail ?? before?.userDetail ?? "pseudonym",
    simulated: isSimulated(entry, before, given),
    lastError: null,
    lastValidatedAt: given.clock.now().toISOString(),
    expiresAt: request.expires_at == null ? null : new Date(request.expires_at).toISOString(),
  };
  return { org, entry, name, credentialId, secretVersion, document };
}

/** Files are real whoever else is simulated: nobody was asked about them. */
function isSimulated(entry: ProviderEntry, before: CredentialDocument | undefined, given: IntegrationPorts): boolean {
  if (entry.credential.kind === "none") return false;
  return (before?.simulated ?? false) || given.config.CA_PROVIDER_SIMULATOR_URL !== undefined;
}

async function store(
  accepted: Accepted & { request: SetupRequest; whenUsable: WhenUsable },
  outcome: ValidationOutcome,
  change: Change,
  effects: Effects<SetupAnswer>,
): Promise<SetupAnswer> {
  const { org, entry, name, credentialId } = accepted;
  const [index, before, subscription, quota] = await change.getAll<object>([
    indexPath(org),
    credentialPath(org, credentialId),
    subscriptionPath(org),
    quotaPath(org),
  ]);
  const stands = before?.body as CredentialDocument | undefined;
  const defaultHierarchyEntityId = await defaultEntity(org, accepted.request, stands, change);
  const document = { ...accepted.document, defaultHierarchyEntityId };
  await effects.prepare(change);
  const now = index?.readAt ?? change.now;
  const effective = effectiveSubscription(subscription?.body as SubscriptionDocument | undefined, await plans(), now);
  if (!effective.canRun) throw subscriptionInactive(effective);
  const stored = (index?.body as IntegrationsIndex | undefined) ?? { providers: {} };
  refuseAboveLimit(stored, entry.slug, effective.limits.providers);
  const connected = stored.providers[entry.slug] ?? { since: now.toISOString(), credentials: {} };
  const writeMore = await accepted.whenUsable(org, entry.slug, change);
  refuseConflicts(connected, accepted, stands?.secretVersion ?? 0);
  const credentials = { ...connected.credentials, [credentialId]: connectedCredential(document) };
  const connectedNow = { ...stored.providers, [entry.slug]: { ...connected, credentials } };
  change.set<IntegrationsIndex>(indexPath(org), { providers: connectedNow });
  const providerCount = Object.keys(connectedNow).length;
  warnOfProviders(
    org,
    { quota: quota as Snapshot<QuotaDocument>, providers: providerCount, subscription: effective },
    change,
  );
  change.set<CredentialDocument>(credentialPath(org, credentialId), document);
  const isNew = before?.body === undefined;
  const stood = before ?? { version: 0, createdAt: undefined };
  change.history(credentialHistory(org, document, { stored: stood, now, operation: isNew ? "CREATE" : "UPDATE" }));
  writeMore();
  if (stands !== undefined) publishStatusMove(org, stands.status, document, change);
  const answer = setupAnswer(document, outcome, now);
  effects.conclude(change, answer, {
    action: isNew ? "integration.created" : "integration.updated",
    resourceId: credentialId,
    details: {
      provider: entry.slug,
      credential_name: name,
      status: document.status,
      fingerprint: document.fingerprint,
    },
  });
  return answer;
}

/** What another call may have done since the early look: taken the name or the account, replaced the secret. */
function refuseConflicts(connected: ConnectedProvider, accepted: Accepted, storedVersion: number): void {
  const { name, credentialId, document } = accepted;
  const others = Object.entries(connected.credentials).filter(([id]) => id !== credentialId);
  const isNameTaken = others.some(([, other]) => sameName(other.name, name));
  if (isNameTaken || storedVersion !== accepted.secretVersion - 1) {
    throw new AppError("VERSION_CONFLICT", "Another call has changed this credential; try again.", { retryable: true });
  }
  const own = connectedCredential(document);
  const sameAccount = others.find(([, other]) => isOverlapping(other, own));
  if (sameAccount !== undefined) {
    throw new AppError(
      "ACCOUNT_ALREADY_CONNECTED",
      `This account is connected already as "${sameAccount[1].name}"; two keys of one account would count everything twice.`,
    );
  }
  if (others.length >= maximumCredentials)
    throw new AppError("TOO_MANY_CREDENTIALS", `A provider takes at most ${maximumCredentials} credentials.`);
}

function connectedCredential({ name, accountId, metadata }: CredentialDocument): ConnectedCredential {
  const projects = metadata["project_ids"];
  const isRestricted = Array.isArray(projects) && projects.length > 0;
  return isRestricted ? { name, accountId, projectIds: projects.map(String) } : { name, accountId };
}

/** Two keys of one account see the same charges unless each is restricted to projects of its own. */
function isOverlapping(one: ConnectedCredential, other: ConnectedCredential): boolean {
  if (one.accountId !== other.accountId) return false;
  if (one.projectIds === undefined || other.projectIds === undefined) return true;
  return one.projectIds.some((project) => other.projectIds?.includes(project));
}

function namedCredential(connected: ConnectedProvider | undefined, name: string): string | undefined {
  return Object.entries(connected?.credentials ?? {}).find(([, credential]) => sameName(credential.name, name))?.[0];
}

export function sameName(one: string, other: string): boolean {
  return one.normalize("NFC").trim().toLowerCase() === other.normalize("NFC").trim().toLowerCase();
}
