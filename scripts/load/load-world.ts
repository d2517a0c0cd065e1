import { join } from "node:path";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import { bootstrap } from "#shared/bootstrap/bootstrap.ts";
import type { BootstrapReport } from "#shared/bootstrap/bootstrap-report.ts";
import { setUpIntegration } from "#shared/integrations/setup.ts";
import type { SetupAnswer } from "#shared/integrations/setup-answer.ts";
import type { Clock } from "#shared/platform/clock.ts";
import { configFile } from "#shared/platform/config-files.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { sqliteDocuments } from "#shared/platform/documents/sqlite-documents.ts";

/** How many organizations, and how many sources each of them pulls at once. */
export interface FanOutSize {
  organizations: number;
  sources: number;
}

export interface LoadWorld {
  world: World;
  orgs: OrgIdentity[];
}

/** The clock's beginning; the days that are pulled lie before it, on a clock that goes on. */
const beginning = "2026-08-10T12:00:00Z";
const togetherOrgs = 8;

/**
 * The embedded platform as it is installed, its documents on disk, with so many organizations and their credentials, on
 * a clock that goes at its own pace and can be moved. The caller stops it.
 */
export async function loadWorld(size: FanOutSize): Promise<LoadWorld & { clock: MovableClock }> {
  const world = await startWorld({ now: beginning, bootstrapped: false });
  const clock = movableClock(beginning);
  const { ports } = world;
  ports.clock = clock;
  ports.documents = sqliteDocuments({
    file: join(ports.config.CA_DATA_DIR, "documents.db"),
    clock,
    declared: async () => declareQueries(await configFile("documents/indexes.yml")),
  });
  const { commit } = plainEffects<BootstrapReport>(ports);
  await bootstrap({ commit, conclude: async () => {} }, ports);
  const orgs: OrgIdentity[] = [];
  let next = 0;
  const make = async (): Promise<void> => {
    for (let at = next++; at < size.organizations; at = next++) orgs.push(await madeOrganization(at, size, world));
  };
  await Promise.all(Array.from({ length: togetherOrgs }, make));
  return { world, orgs, clock };
}

async function madeOrganization(at: number, { sources }: FanOutSize, world: World): Promise<OrgIdentity> {
  const { org } = await world.onboarded(`fanout_${at}`);
  for (let source = 0; source < sources; source++) {
    const request = { credential: `sk-admin-sim-fanout${at}s${source}`, credential_name: `source ${source}` };
    const effects = plainEffects<SetupAnswer>(world.ports);
    await setUpIntegration({ org, provider: "openai", request }, effects, world.ports);
  }
  return org;
}

export interface MovableClock extends Clock {
  advance(milliseconds: number): void;
}

/** Goes on like any clock, from another instant. */
function movableClock(start: string): MovableClock {
  let ahead = Date.parse(start) - performance.now();
  return {
    now: () => new Date(ahead + performance.now()),
    advance: (milliseconds) => {
      ahead += milliseconds;
    },
  };
}
