import { describe, expect, it } from "vitest";
import type { FixtureAnswers } from "../fixtures/fixture-http.ts";
import { secret } from "../fixtures/loopback-provider.ts";
import type { ValidationOutcome } from "../provider.ts";
import { validationCalls } from "../provider-http.ts";
import { paths } from "./client.ts";
import { anthropicEntry } from "./fixtures/fixture-anthropic.ts";
import { loopbackAnthropic } from "./fixtures/loopback-anthropic.ts";
import { validateAnthropic } from "./validate.ts";

const me = "/v1/organizations/me";
const all = [me, paths.costs, paths.usage, paths.activity, paths.workspaces];

async function validated(answers: FixtureAnswers): Promise<{ outcome: ValidationOutcome; asked: string[] }> {
  const { http, requests } = await loopbackAnthropic(answers, { repeats: validationCalls });
  const outcome = await validateAnthropic({
    provider: await anthropicEntry(),
    credential: secret,
    metadata: {},
    http,
    now: new Date("2026-07-04T06:00:00Z"),
    signal: new AbortController().signal,
  });
  return { outcome, asked: requests.map(({ url = "" }) => url) };
}

const states = ({ capabilities }: ValidationOutcome) =>
  Object.fromEntries(Object.entries(capabilities).map(([name, { status }]) => [name, status]));

// Source: providers.md 1.9.
describe("validateAnthropic", () => {
  it("accepts an admin key, finds its organization and asks for one day only", async () => {
    const { outcome, asked } = await validated({});

    expect([outcome.outcome, outcome.status, outcome.accountId]).toEqual(["accepted", "VALID", "8d1f0c2a"]);
    expect(states(outcome)).toEqual({
      billed_cost: "available",
      usage: "available",
      activity: "available",
      names: "available",
      import: "available",
    });
    expect(outcome.leastPrivilege.hints).toEqual(["An admin key that nothing else uses."]);
    expect(asked.map(decodeURIComponent)).toEqual([
      `/anthropic${me}`,
      `/anthropic${paths.costs}?starting_at=2026-07-03T00:00:00Z&ending_at=2026-07-04T00:00:00Z&limit=1`,
      `/anthropic${paths.usage}?starting_at=2026-07-03T00:00:00Z&ending_at=2026-07-04T00:00:00Z&limit=1&bucket_width=1d`,
      `/anthropic${paths.activity}?starting_at=2026-07-03&limit=1`,
      `/anthropic${paths.workspaces}?limit=1`,
    ]);
  });

  it("knows a key that is good for inference only", async () => {
    const { outcome, asked } = await validated({ [me]: 401 });

    expect([outcome.outcome, outcome.status, outcome.message]).toEqual([
      "accepted",
      "PARTIAL_VALID",
      "inference key: costs and usage need an admin key",
    ]);
    expect(states(outcome)).toEqual({
      billed_cost: "denied",
      usage: "denied",
      activity: "denied",
      names: "denied",
      import: "available",
    });
    expect(asked).toEqual([`/anthropic${me}`, "/anthropic/v1/models?limit=1"]);
  });

  it.each([
    ["the key is refused everywhere", { [me]: 401, "/v1/models": 401 }, "rejected"],
    ["everything is denied", Object.fromEntries(all.map((path) => [path, 403])), "rejected"],
    ["the organization cannot be asked", { [me]: 503 }, "unavailable"],
    ["the costs cannot be asked", { [paths.costs]: 503 }, "unavailable"],
    ["the provider is overloaded", { [paths.usage]: 529 }, "unavailable"],
    ["the rate is limited", { [paths.usage]: 429 }, "unavailable"],
    ["the provider redirects", { [paths.costs]: 302 }, "unavailable"],
    ["the last word cannot be asked", { [me]: 401, "/v1/models": 503 }, "unavailable"],
    ["something else answers", { [paths.costs]: '{"hello": 1}' }, "unavailable"],
    ["the organization has no id", { [me]: "{}" }, "unavailable"],
    ["a page answers", { [me]: "<html></html>" }, "unavailable"],
  ])("when %s", async (_what, answers, expected) => {
    expect((await validated(answers)).outcome.outcome).toBe(expected);
  });

  it.each([
    ["costs are denied", { [paths.costs]: 403 }, "PARTIAL_VALID", { billed_cost: "denied" }],
    ["costs do not exist", { [paths.costs]: 404 }, "PARTIAL_VALID", { billed_cost: "unavailable" }],
    ["usage is denied", { [paths.usage]: 403 }, "PARTIAL_VALID", { usage: "denied" }],
    ["activity is denied", { [paths.activity]: 403 }, "VALID", { activity: "denied" }],
    ["activity cannot be asked", { [paths.activity]: 503 }, "VALID", { activity: "unavailable" }],
    ["names are denied", { [paths.workspaces]: 403 }, "VALID", { names: "denied" }],
  ])("accepts the key when %s", async (_what, answers, status, capability) => {
    const { outcome } = await validated(answers);

    expect([outcome.outcome, outcome.status]).toEqual(["accepted", status]);
    expect(states(outcome)).toMatchObject(capability);
  });

  it("shows the key in no check", async () => {
    const { outcome } = await validated({ [me]: 401, "/v1/models": 401 });

    expect(JSON.stringify(outcome)).not.toContain(secret);
  });
});
