import { describe, expect, it } from "vitest";
import type { FixtureAnswers, FixtureCall } from "../fixtures/fixture-http.ts";
import type { ValidationContext, ValidationOutcome } from "../provider.ts";
import { fixtureHttp, openaiEntry, workedExample } from "./fixtures/fixture-openai.ts";
import { validateOpenai } from "./validate.ts";

const costs = "/v1/organization/costs";
const completions = "/v1/organization/usage/completions";
const projects = "/v1/organization/projects";

async function context(answers: FixtureAnswers, calls: FixtureCall[] = []): Promise<ValidationContext> {
  return {
    provider: await openaiEntry(),
    credential: "sk-admin-fixture-000000000000",
    metadata: {},
    http: fixtureHttp({ ...workedExample, ...answers }, calls),
    now: new Date("2026-07-04T06:00:00Z"),
    signal: new AbortController().signal,
  };
}

async function validated(answers: FixtureAnswers, calls: FixtureCall[] = []): Promise<ValidationOutcome> {
  return validateOpenai(await context(answers, calls));
}

const states = ({ capabilities }: ValidationOutcome) =>
  Object.fromEntries(Object.entries(capabilities).map(([name, { status }]) => [name, status]));

describe("validateOpenai", () => {
  it("accepts an admin key and finds the account by its oldest project", async () => {
    const calls: FixtureCall[] = [];

    const outcome = await validated({}, calls);

    expect([outcome.outcome, outcome.status, outcome.accountId]).toEqual(["accepted", "VALID", "proj_aa11"]);
    expect(states(outcome)).toEqual({
      billed_cost: "available",
      usage: "available",
      names: "available",
      import: "available",
    });
    expect(calls.map(({ path, query }) => [path, query])).toEqual([
      [costs, { start_time: 1783058400, limit: 1 }],
      [completions, { start_time: 1783058400, limit: 1 }],
      [projects, { limit: 1 }],
    ]);
  });

  it("prefers the account that the response names", async () => {
    const given = await context({});
    const { get } = given.http;

    const outcome = await validateOpenai({
      ...given,
      http: {
        get: async (path, query) => ({ ...(await get(path, query)), headers: { "openai-organization": "org-acme" } }),
      },
    });

    expect(outcome.accountId).toBe("org-acme");
  });

  it("knows a key that is good for inference only", async () => {
    const outcome = await validated({ [costs]: 401 });

    expect([outcome.outcome, outcome.status, outcome.message]).toEqual([
      "accepted",
      "PARTIAL_VALID",
      "inference key: costs and usage need an admin key",
    ]);
    expect(states(outcome)).toEqual({ billed_cost: "denied", usage: "denied", names: "denied", import: "available" });
  });

  it.each([
    ["the key is refused everywhere", { [costs]: 401, "/v1/models": 401 }, "rejected"],
    ["everything is denied", { [costs]: 403, [completions]: 403, [projects]: 403 }, "rejected"],
    ["the costs cannot be asked", { [costs]: 503 }, "unavailable"],
    ["the usage cannot be asked", { [completions]: 429 }, "unavailable"],
    ["the last word cannot be asked", { [costs]: 401, "/v1/models": 503 }, "unavailable"],
    ["something else answers", { [costs]: '{"hello": 1}' }, "unavailable"],
  ])("when %s", async (_what, answers, expected) => {
    expect((await validated(answers)).outcome).toBe(expected);
  });

  it.each([
    ["costs are denied", { [costs]: 403 }, "PARTIAL_VALID", { billed_cost: "denied" }],
    ["usage is denied", { [completions]: 403 }, "PARTIAL_VALID", { usage: "denied" }],
    ["costs do not exist", { [costs]: 404 }, "PARTIAL_VALID", { billed_cost: "unavailable" }],
    ["usage is refused otherwise", { [completions]: 400 }, "PARTIAL_VALID", { usage: "unavailable" }],
    ["names are denied", { [projects]: 403 }, "VALID", { names: "denied" }],
    ["names cannot be asked", { [projects]: 503 }, "VALID", { names: "unavailable" }],
  ])("accepts the key when %s", async (_what, answers, status, capability) => {
    const outcome = await validated(answers);

    expect([outcome.outcome, outcome.status]).toEqual(["accepted", status]);
    expect(states(outcome)).toMatchObject(capability);
  });

  it("ends with the caller's own reason when it is aborted", async () => {
    const abort = new AbortController();
    abort.abort(new Error("shutting down"));
    const given = await context({});

    const validation = validateOpenai({
      ...given,
      signal: abort.signal,
      http: { get: () => Promise.reject(new Error("aborted")) },
    });

    await expect(validation).rejects.toThrow("shutting down");
  });
});
