import { Type } from "@sinclair/typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publicAccess, rootAccess } from "#shared/access/caller.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { httpFunction } from "./declaration.ts";
import { AppError } from "./errors.ts";
import { countExactly, instanceLimits } from "./rate-limits.ts";
import { strictObject } from "./schema.ts";
import { memoryDocuments, movableClock, rootKey, type Served, serveFunctions } from "./served.fixture.ts";

const Answer = strictObject({ ok: Type.Boolean() });
const limitedThree = httpFunction({
  method: "GET",
  path: "/three",
  summary: "Three a minute",
  access: rootAccess(),
  uses: ["documents"],
  response: Answer,
  perMinute: 3,
  handle: async () => ({ ok: true }),
});
const open = httpFunction({
  method: "GET",
  path: "/open",
  summary: "Anybody",
  access: publicAccess(),
  uses: [],
  response: Answer,
  handle: async () => ({ ok: true }),
});

let served: Served;

beforeEach(async () => {
  served = await serveFunctions({ three: limitedThree, open }, { TRUSTED_PROXY_HOPS: "1" });
});

afterEach(() => served.stop());

function ask(headers: Record<string, string> = {}, path = "/three"): Promise<Response> {
  return fetch(served.url + path, { headers });
}

const root = { "x-ca-root-key": rootKey };

describe("an exact limit", () => {
  it("lets in as many as it says and refuses the next until the UTC minute ends", async () => {
    served.clock.advance(15_000);

    const statuses: number[] = [];
    for (let call = 0; call < 5; call++) statuses.push((await ask(root)).status);
    const refused = await ask(root);
    served.clock.advance(44_999);
    const before = await ask(root);
    served.clock.advance(1);
    const after = await ask(root);

    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(refused.headers.get("retry-after")).toBe("45");
    expect(await refused.json()).toMatchObject({ error: "RATE_LIMITED" });
    expect([before.status, after.status]).toEqual([429, 200]);
  });

  it("is not passed by parallel calls", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(root)));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(37);
  });

  it("is told with every answer, its own figures also when it refuses", async () => {
    const seen: (string | null)[][] = [];
    for (let call = 0; call < 4; call++) {
      const { headers } = await ask(root);
      seen.push(["ratelimit-limit", "ratelimit-remaining", "x-ratelimit-remaining"].map((name) => headers.get(name)));
    }

    expect(seen).toEqual([
      ["3", "2", "2"],
      ["3", "1", "1"],
      ["3", "0", "0"],
      ["3", "0", "0"],
    ]);
  });

  it("counts each scope for itself, and nothing that it refused", async () => {
    const clock = movableClock();
    const documents = memoryDocuments(clock);

    const states = [];
    const count = (scope: string) => countExactly([{ scope, times: 2, windowSeconds: 60 }], documents);
    for (const scope of ["a", "a", "a", "a", "b"]) states.push((await count(scope)).remaining);
    clock.advance(60_000);
    states.push((await count("a")).remaining);

    expect(states).toEqual([1, 0, -1, -1, 1, 1]);
    await documents.close();
  });

  it("refuses with 503 while it cannot be counted", async () => {
    let isDown = false;
    const failing = (documents: Documents): Documents => ({
      ...documents,
      transaction: (body) => {
        if (isDown) throw new AppError("DOCUMENTS_UNAVAILABLE", "The document store does not answer.");
        return documents.transaction(body);
      },
    });
    const other = await serveFunctions({ three: limitedThree, open }, {}, failing);
    isDown = true;

    const [counted, free] = [await fetch(`${other.url}/three`, { headers: root }), await fetch(`${other.url}/open`)];

    expect([counted.status, counted.headers.get("retry-after"), free.status]).toEqual([503, "1", 200]);
    await other.stop();
  });

  it("is not kept where limits are switched off", async () => {
    const free = await serveFunctions({ three: limitedThree }, { RATE_LIMIT_ENABLED: "false" });

    const answers = await Promise.all(Array.from({ length: 5 }, () => fetch(`${free.url}/three`, { headers: root })));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    await free.stop();
  });
});

describe("failed credentials", () => {
  const wrong = { "x-ca-root-key": "wrong" };
  const from = (address: string): Record<string, string> => ({ "x-forwarded-for": address });

  it("become 429 after 20 a minute from one address, while a right one is never refused", async () => {
    const statuses: number[] = [];
    for (let call = 0; call < 22; call++) statuses.push((await ask(wrong)).status);
    const [last, right, anybody] = [await ask(), await ask(root), await ask({}, "/open")];

    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429, 429]);
    expect(last.status).toBe(429);
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect([right.status, anybody.status]).toEqual([200, 200]);
  });

  it("are counted in the UTC minute, whenever the first one came", async () => {
    served.clock.advance(45_000);
    for (let call = 0; call < 20; call++) await ask(wrong);
    served.clock.advance(14_999);
    const before = await ask(wrong);
    served.clock.advance(1);
    const after = await ask(wrong);

    expect([before.status, before.headers.get("retry-after"), after.status]).toEqual([429, "1", 401]);
  });

  it("are counted by the address that the trusted proxy saw, whatever the caller claims before it", async () => {
    for (let call = 0; call < 21; call++) await ask({ ...wrong, ...from(`10.0.0.${call}, 203.0.113.7`) });

    const same = await ask({ ...wrong, ...from("198.51.100.1, 203.0.113.7") });
    const other = await ask({ ...wrong, ...from("203.0.113.7, 203.0.113.8") });

    expect([same.status, other.status]).toEqual([429, 401]);
  });

  it("are counted by the connection where no proxy is trusted", async () => {
    const direct = await serveFunctions({ three: limitedThree });

    const statuses: number[] = [];
    for (let call = 0; call < 21; call++) {
      const headers = {
        ...wrong,
        ...from(`10.0.0.${call}`),
        forwarded: `for=10.0.0.${call}`,
        "x-real-ip": `10.0.0.${call}`,
      };
      statuses.push((await fetch(`${direct.url}/three`, { headers })).status);
    }

    expect(statuses.at(-1)).toBe(429);
    await direct.stop();
  });

  it.each([
    ["2001:db8::1", "2001:db8:0:0:ffff::9", true],
    ["2001:db8:1:2:3:4:5:6", "2001:DB8:0001:2::", true],
    ["::1", "0:0:0:0:0:0:0:2", true],
    ["2001:db8::1", "2001:db8:0:1::1", false],
    ["2001:db8:1::1", "2001:db8::1", false],
    ["::ffff:203.0.113.7", "203.0.113.7", true],
    ["::ffff:203.0.113.7", "::ffff:203.0.113.8", false],
    ["fe80::1%eth0", "fe80::2", true],
  ])("count %s and %s as one caller: %s", async (first, second, isOne) => {
    const limits = instanceLimits();
    const now = new Date("2026-08-10T12:00:00Z");

    const before = await limits.countFailedCredential(first, now);
    const after = await limits.countFailedCredential(second, now);

    expect(after.remaining).toBe(isOne ? before.remaining - 1 : before.remaining);
  });
});
