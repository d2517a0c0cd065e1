import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pathsBelow, type RecordedDocuments, recordedDocuments } from "#scripts/e2e/recorded-documents.ts";
import { plainEffects, startWorld, type World } from "#scripts/e2e/world.ts";
import type { OrgIdentity } from "#shared/access/caller.ts";
import type { QuotaDocument } from "#shared/quotas/quota.ts";
import { quotaPath } from "#shared/quotas/reserve.ts";
import { type CompleteAnswer, completeRun } from "./complete.ts";
import { type ValidateAnswer, validateRun } from "./validate.ts";

const caller = { kind: "root" as const, credentialId: "root" as const };

// pipelines.md, shown done 16
describe("asking whether a run could start, and reporting its end", () => {
  let world: World;
  let documents: RecordedDocuments;
  let org: OrgIdentity;
  beforeAll(async () => {
    world = await startWorld();
    documents = recordedDocuments(world.ports.documents);
    world.ports.documents = documents;
    ({ org } = await world.onboarded("validated", "STARTER"));
    await world.connected(org, "validatecase1");
  }, 60_000);
  afterAll(() => world.stop());

  function validated(include_credentials: boolean): Promise<ValidateAnswer> {
    const body = { pipeline_id: "openai-cost-usage-cost", reserve: false, include_credentials };
    const asked = { org, caller, body, requestId: "req_test", claimedUser: undefined, traceparent: undefined };
    return validateRun(asked, plainEffects<ValidateAnswer>(world.ports), world.ports);
  }
  const completed = (run_id?: string): Promise<CompleteAnswer> => {
    const body = { pipeline_status: "SUCCESS", ...(run_id === undefined ? {} : { run_id }) };
    return completeRun({ org, query: {}, body }, plainEffects<CompleteAnswer>(world.ports), {
      ...world.ports,
      documents,
    });
  };
  const quota = async () => (await documents.get<QuotaDocument>(quotaPath(org))).body;

  it("takes no slot, no unit and no run however often it is asked, and answers no secret", async () => {
    const [before, commits] = [await quota(), documents.commits()];
    const first = await validated(true);

    for (let times = 1; times < 1_000; times++) expect(await validated(times % 2 === 0)).toEqual(first);

    expect(first).toMatchObject({ valid: true, quota: { concurrent_running: 0 } });
    expect(JSON.stringify(first)).not.toContain("sk-admin");
    expect([await quota(), documents.commits()]).toEqual([before, commits]);
    expect(pathsBelow(documents, `orgs/${org.key}/runs/`)).toEqual([]);
  });

  it("moves no counter where nothing was reserved, nor for a run of the platform's own, however often", async () => {
    const { run_id: waiting } = await world.trigger(org, { date: "2026-07-01" });
    const done = await world.ran(org, { date: "2026-07-02" });
    const [before, commits] = [await quota(), documents.commits()];

    const answers = [];
    for (const run of [undefined, waiting, done.runId, undefined, waiting, done.runId])
      answers.push(await completed(run));

    expect(answers).toMatchObject(Array(6).fill({ success: true, settled: false, run_id: null }));
    expect([await quota(), documents.commits()]).toEqual([before, commits]);
    expect(before).toMatchObject({ dayRuns: 2, running: { [waiting]: expect.anything() } });
    expect((await world.run(org, waiting)).status).toBe("PENDING");
  });
});
