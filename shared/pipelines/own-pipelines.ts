import { type Static, Type } from "@sinclair/typebox";
import { isPlatformScope, platformScope } from "#shared/access/platform-scope.ts";
import type { CredentialDocument } from "#shared/integrations/credential.ts";
import type { OrgDocument } from "#shared/organizations/organization.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";
import type { RunDocument } from "./run.ts";

const OwnPipeline = strictObject({
  repull_days: Type.Integer({ minimum: 1, maximum: 45 }),
  restate_previous_month_until_day: Type.Integer({ minimum: 0, maximum: 28 }),
  expected_lag_days: Type.Integer({ minimum: 0, maximum: 7 }),
  settling_days: Type.Integer({ minimum: 0, maximum: 45 }),
});
export type OwnPipeline = Static<typeof OwnPipeline>;

const OwnPipelinesFile = strictObject({
  pipelines: Type.Record(Type.String({ pattern: "^(saas|platform)(/[a-z0-9_]+){1,2}$" }), OwnPipeline),
});

/** What runs have as their credential whose pipeline needs none. */
export const noCredentialId = "none";

let loaded: Promise<Readonly<Record<string, OwnPipeline>>> | undefined;

/** By address, the pipelines that no provider names (`configs/pipelines/own.yml`). Throws `INVALID_BODY` for a faulty file. */
export function ownPipelines(): Promise<Readonly<Record<string, OwnPipeline>>> {
  loaded ??= configFile("pipelines/own.yml").then(
    async (content) => (await validBody(OwnPipelinesFile, structuredClone(content))).pipelines,
  );
  return loaded;
}

/** Words that stand in place of a provider. Source: `pipelines.md` 1. */
export function isOwnProvider(provider: string): boolean {
  return provider === "saas" || provider === "platform" || provider === "reprice";
}

/** What the engine knows of the organization that a run belongs to. */
export type RunOwner = Pick<OrgDocument, "orgId" | "state" | "dataset" | "ledgerEpoch">;

/** Whose the run is: its organization as it is stored, or the platform itself. */
export function ownerOf({ org }: Pick<RunDocument, "org">, stored: OrgDocument | undefined): RunOwner | undefined {
  return isPlatformScope(org) ? platformOwner : stored;
}

/** It has no dataset and no ledger: its pipelines write documents of the platform. */
const platformOwner: RunOwner = {
  orgId: platformScope.orgId,
  state: "ACTIVE",
  dataset: { id: "", location: "" },
  ledgerEpoch: 0,
};

/** The credential a run works with; undefined where the one it needs is gone. */
export function standingCredential(
  { provider, credentialId }: Pick<RunDocument, "provider" | "credentialId">,
  stored: CredentialDocument | undefined,
): CredentialDocument | undefined {
  return isOwnProvider(provider) && credentialId === noCredentialId ? noCredential : stored;
}

/** There is nothing to open and nobody to call. */
const noCredential: CredentialDocument = {
  credentialId: noCredentialId,
  provider: noCredentialId,
  name: noCredentialId,
  sealed: { alg: "A256GCM", nonce: "", ciphertext: "", tag: "", wrappedKey: "", keyName: "", keyVersion: "" },
  secretVersion: 0,
  fingerprint: "",
  status: "VALID",
  capabilities: {},
  checks: [],
  leastPrivilege: { state: "ok", hints: [] },
  metadata: {},
  accountId: noCredentialId,
  environment: "prod",
  userDetail: "none",
  simulated: false,
  lastError: null,
  lastValidatedAt: "",
  expiresAt: null,
};
