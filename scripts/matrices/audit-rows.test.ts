import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadFunctions } from "#scripts/start/functions.ts";
import { type IssuerDouble, startIssuerDouble } from "#shared/sessions/issuer.fixture.ts";
import { endpointsOf, pathOf } from "./example-request.fixture.ts";
import { type Making, makingWith } from "./making.fixture.ts";
import { type RawAnswer, send } from "./raw-http.fixture.ts";
import { credentialFor, startTwoOrganizations, type TwoOrganizations } from "./two-organizations.fixture.ts";
import { validRequests } from "./valid-requests.fixture.ts";

const functions = await loadFunctions();
const endpoints = endpointsOf(functions).filter(
  ({ template, declaration }) => template === declaration.path && !declaration.anyMethod,
);
const audited = endpoints.filter(({ declaration }) => declaration.audit !== undefined);
const rows = audited.map((endpoint) => ({ ...endpoint, row: endpoint.name }));

/** Requests that are no reads by their method and change nothing. */
const changesNothing: Readonly<Record<string, string>> = {
  "allocation-explain": "a question with a body",
  "allocation-preview": "a question with a body",
  "auth-token": "a signed statement about a session: nothing is stored",
  "genai-pricing-quote": "a question with a body",
  "hierarchy-import-preview": "a question with a body",
  "invite-preview": "a question whose token must not stand in an address",
  "organization-dryrun": "a question with a body",
};

/** What is done is the row itself, or something that is in order already. */
const leavesOnlyTheRow = new Set([
  "admin-bootstrap",
  "admin-bootstrap-sync",
  "admin-dev-api-key",
  "dead-letters-replay",
  "organization-sync",
  "organization-repair-tables",
  "procedures-sync",
  "quota-cleanup-stale",
  "quota-reset-daily",
  "quota-reset-monthly",
  "runs-cleanup-orphaned",
  "scheduler-process-queue",
  "scheduler-reset-concurrent-counter",
  "scheduler-trigger",
]);

let world: TwoOrganizations;
let issuer: IssuerDouble;
let making: Making;

beforeAll(async () => {
  issuer = await startIssuerDouble();
  const trusted = [{ issuer: issuer.url, audience: issuer.audience }];
  world = await startTwoOrganizations({ SELF_SIGNUP: "true", OIDC_ISSUERS: JSON.stringify(trusted) });
  making = makingWith(world, issuer);
}, 120_000);

afterAll(async () => {
  // Runs that were started write into the folder that goes.
  await world.host.idle();
  await world.stop();
  await issuer.close();
}, 60_000);

async function called({ name, template, declaration }: (typeof rows)[number], requestId: string): Promise<RawAnswer> {
  const asked = (await validRequests[name]?.(making)) ?? {};
  const { params = {}, query = "", body, file, headers } = asked;
  const path = pathOf(template, world.alpha, params) + (query === "" ? "" : `?${query}`);
  const sent = file ?? (body === undefined ? undefined : JSON.stringify(body));
  return send(world.url, {
    method: declaration.method,
    path,
    headers: { ...(headers ?? credentialFor(declaration, world.alpha)), "x-request-id": requestId },
    ...(sent === undefined ? {} : { body: sent }),
  });
}

interface StoredRow {
  path: string;
  body: Readonly<Record<string, unknown>>;
}

function rowsOf(requestId: string): StoredRow[] {
  return [...world.mirror.stored].flatMap(([path, text]) =>
    world.mirror.auditedWith.has(path) && text.includes(`"${requestId}"`)
      ? [{ path, body: JSON.parse(text) as Readonly<Record<string, unknown>> }]
      : [],
  );
}

describe("what changes something", () => {
  it.each(rows)("leaves exactly one audit row, with its effect: $row", async (endpoint) => {
    const requestId = `req-of-${endpoint.name}`;

    const answer = await called(endpoint, requestId);

    expect([200, 201, 202, 204], `${endpoint.name} has no valid example: ${answer.text}`).toContain(answer.status);
    const { action, operation, resourceType } = endpoint.declaration.audit ?? {};
    const found = rowsOf(requestId);
    expect(found.map(({ body }) => body)).toMatchObject([
      { action, operation, resourceType, requestId, status: "SUCCESS", errorMessage: null },
    ]);
    const [{ path, body } = { path: "", body: {} }] = found;
    expect([
      body["actorKind"],
      body["apiKeyId"] !== null || body["userId"] !== null || body["actorKind"] !== "key",
    ]).toEqual([expect.stringMatching(/^(root|key|member|system)$/), true]);
    const together = world.mirror.auditedWith.get(path) ?? [];
    expect(together.some((each) => each.startsWith("outbox/"))).toBe(true);
    const state = together.filter((each) => each !== path && !each.startsWith("outbox/"));
    expect(state.length > 0 || leavesOnlyTheRow.has(endpoint.name), `${endpoint.name} wrote ${together}`).toBe(true);
  });

  it("declares its audit row, or is known to change nothing", () => {
    const silent = endpoints.filter(
      ({ declaration }) => declaration.method !== "GET" && declaration.audit === undefined,
    );

    expect(silent.map(({ name }) => name).toSorted()).toEqual(Object.keys(changesNothing).toSorted());
    expect(silent.every(({ declaration }) => declaration.handle !== undefined)).toBe(true);
  });

  it("has examples for functions there are, and no others", () => {
    const names = new Set(audited.map(({ name }) => name));

    expect([...Object.keys(validRequests), ...leavesOnlyTheRow].filter((name) => !names.has(name))).toEqual([]);
  });
});
