import { expect } from "vitest";
import { auditedEffects } from "#scripts/e2e/audited-effects.ts";
import { type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { EnginePorts } from "#shared/pipelines/engine-ports.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { type CredentialDocument, credentialPath, type IntegrationsIndex, indexPath } from "./credential.ts";
import { removeIntegration } from "./remove.ts";
import { type SetupRequest, setUpIntegration } from "./setup.ts";
import type { SetupAnswer } from "./setup-answer.ts";
import { validateIntegration } from "./validate.ts";

/** A world whose documents are watched, and the room's verbs on it; the provider is always openai. */
export interface Connecting {
  world: World;
  ports: EnginePorts;
  documents: RecordedDocuments;
  setUp(org: OrgIdentity, credential: string, request?: Partial<SetupRequest>, by?: EnginePorts): Promise<SetupAnswer>;
  validate(org: OrgIdentity, credentialName?: string, by?: EnginePorts): Promise<SetupAnswer>;
  remove(org: OrgIdentity, credentialName?: string): Promise<string[]>;
  stored(org: OrgIdentity, credentialId: string): Promise<CredentialDocument>;
  index(org: OrgIdentity): Promise<IntegrationsIndex>;
  /** How often the provider was called with a key of the account. */
  calls(account: string): Promise<number>;
}

export async function startConnecting(): Promise<Connecting> {
  const world = await startWorld();
  const documents = recordedDocuments(world.ports.documents);
  const ports: EnginePorts = { ...world.ports, documents };
  const effects = (action: string, by: EnginePorts) => auditedEffects<SetupAnswer>(action, by);
  return {
    world,
    ports,
    documents,
    setUp: (org, credential, request = {}, by = ports) =>
      setUpIntegration(
        { org, provider: "openai", request: { ...request, credential } },
        effects("integration.created", by),
        by,
      ),
    validate: (org, credentialName, by = ports) =>
      validateIntegration({ org, provider: "openai", credentialName }, effects("integration.validated", by), by),
    remove: async (org, credentialName) =>
      (
        await effects("integration.deleted", ports).commit((change) =>
          removeIntegration({ org, provider: "openai", credentialName }, change),
        )
      ).deleted,
    stored: async (org, credentialId) => {
      const { body } = await documents.get<CredentialDocument>(credentialPath(org, credentialId));
      if (body === undefined) throw new Error(`no credential ${credentialId}`);
      return body;
    },
    index: async (org) => (await documents.get<IntegrationsIndex>(indexPath(org))).body ?? { providers: {} },
    calls: async (account) => {
      const { requests } = (await world.sim("GET", `requests?provider=openai&account=${account}`)) as {
        requests: unknown[];
      };
      return requests.length;
    },
  };
}

/** The refusal a call ends with; fails when there is none. */
export async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}
