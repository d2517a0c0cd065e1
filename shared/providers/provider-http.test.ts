import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { callRate } from "./call-rate.ts";
import { bench, failureOf, json, movedClock, secret, start } from "./fixtures/loopback-provider.ts";
import { validationCalls } from "./provider-http.ts";
import { repeatBudget } from "./repeat-budget.ts";

describe("providerHttp", () => {
  it("sends the credential, the version and a request id below the slug of the simulator", async () => {
    const { http, requests, calls } = await bench((_request, response) => json(response, 200, { ok: 1 }));

    const answer = await http.get("/v1/x", { "group_by[]": ["a b", "c"], limit: 3 });

    expect(answer.status).toBe(200);
    expect(requests[0]?.url).toBe("/openai/v1/x?group_by%5B%5D=a+b&group_by%5B%5D=c&limit=3");
    expect(requests[0]?.headers).toMatchObject({ authorization: `Bearer ${secret}`, "user-agent": "cost-atlas/0.1.0" });
    expect(requests[0]?.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(calls).toEqual([{ path: "/v1/x", status: 200, ms: 0, attempt: 1, code: null }]);
  });

  it("keeps every digit of a number", async () => {
    const { http } = await bench((_request, response) => response.end('{"value": 0.10000000000000000550}'));

    const { body } = await http.get("/v1/x");

    expect(String((body as { value: unknown }).value)).toBe("0.10000000000000000550");
  });

  it.each([
    [400, "PROVIDER_SCHEMA_DRIFT", false, 1],
    [401, "PROVIDER_UNAUTHORIZED", false, 1],
    [402, "PROVIDER_QUOTA", false, 1],
    [403, "PROVIDER_FORBIDDEN", false, 1],
    [404, "PROVIDER_NOT_FOUND", false, 1],
    [422, "PROVIDER_SCHEMA_DRIFT", false, 1],
    [408, "PROVIDER_UNAVAILABLE", true, 3],
    [425, "PROVIDER_UNAVAILABLE", true, 3],
    [429, "PROVIDER_RATE_LIMITED", true, 3],
    [500, "PROVIDER_UNAVAILABLE", true, 3],
    [501, "PROVIDER_UNAVAILABLE", true, 1],
    [502, "PROVIDER_UNAVAILABLE", true, 3],
    [503, "PROVIDER_UNAVAILABLE", true, 3],
    [504, "PROVIDER_UNAVAILABLE", true, 3],
    [529, "PROVIDER_UNAVAILABLE", true, 3],
  ])("turns %i into %s, retryable %s, after %i calls", async (status, code, retryable, count) => {
    const { http, requests } = await bench((_request, response) =>
      json(response, status, { error: { message: "no" } }),
    );

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryable, requests.length]).toEqual([code, retryable, count]);
    expect(error.extra).toEqual({ provider_status: status });
  });

  it("does not repeat a 429 that means that no quota is left", async () => {
    const { http, requests } = await bench((_request, response) =>
      json(response, 429, { error: { message: "pay", type: "insufficient_quota" } }),
    );

    expect((await failureOf(http.get("/v1/x"))).code).toBe("PROVIDER_QUOTA");
    expect(requests).toHaveLength(1);
  });

  it("asks twice more with growing, jittered waits and answers when the provider recovers", async () => {
    const { http, slept, calls } = await bench((_request, response, number) =>
      json(response, number < 3 ? 503 : 200, {}),
    );

    expect((await http.get("/v1/x")).status).toBe(200);
    expect(slept).toEqual([1000, 2000]);
    expect(calls.map(({ attempt, code }) => [attempt, code])).toEqual([
      [1, "PROVIDER_UNAVAILABLE"],
      [2, "PROVIDER_UNAVAILABLE"],
      [3, null],
    ]);
  });

  it.each([
    ["seconds", "7"],
    ["a date", new Date(start + 7000).toUTCString()],
  ])("waits as long as Retry-After says in %s", async (_form, header) => {
    const { http, slept } = await bench((_request, response, number) =>
      json(response, number === 1 ? 429 : 200, {}, { "retry-after": header }),
    );

    await http.get("/v1/x");

    expect(slept).toEqual([7000]);
  });

  it("leaves a Retry-After over a minute to its caller", async () => {
    const { http, slept, requests } = await bench((_request, response) =>
      json(response, 429, {}, { "retry-after": "120" }),
    );

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryAfterSeconds, requests.length]).toEqual(["PROVIDER_RATE_LIMITED", 120, 1]);
    expect(slept).toEqual([]);
  });

  it("repeats no more than the run's budget allows", async () => {
    const budget = repeatBudget();
    const { http, requests } = await bench((_request, response) => json(response, 500, {}), { budget });

    for (let page = 0; page < 10; page += 1) await failureOf(http.get("/v1/x"));

    // 10 + 20 % of the requests themselves: the fourteenth repeat would need twenty requests before it.
    expect(requests.length).toBeLessThanOrEqual(10 + 10 + Math.floor(requests.length / 5));
    expect(requests.length).toBeGreaterThan(20);
  });

  it("retries a validation call once, on 5xx only", async () => {
    const down = await bench((_request, response) => json(response, 500, {}), { repeats: validationCalls });
    const limited = await bench((_request, response) => json(response, 429, {}), { repeats: validationCalls });

    await failureOf(down.http.get("/v1/x"));
    await failureOf(limited.http.get("/v1/x"));

    expect([down.requests.length, limited.requests.length]).toEqual([2, 1]);
  });

  it("never follows a redirect", async () => {
    const { http, requests } = await bench((_request, response) =>
      response.writeHead(302, { location: "/elsewhere" }).end(),
    );

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, requests.length]).toEqual(["PROVIDER_BAD_RESPONSE", 1]);
  });

  it.each([
    ["HTML", "<html>hello</html>", 1],
    ["an error", '{"error": {"message": "overloaded"}}', 1],
    ["no JSON", "{'a': 1}", 1],
    ["JSON that ends early", '{"data": [1, 2', 3],
    ["a text that ends early", '{"data": "abc', 3],
    ["nothing", "", 3],
  ])("refuses a 200 with %s", async (_what, body, count) => {
    const { http, requests } = await bench((_request, response) => response.end(body));

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryable, requests.length]).toEqual(["PROVIDER_BAD_RESPONSE", true, count]);
  });

  it("repeats bodies that are cut short", async () => {
    const zipped = gzipSync(JSON.stringify({ data: Array.from({ length: 500 }, (_, index) => index) }));
    const { http, requests } = await bench((_request, response, number) => {
      if (number === 1)
        response.writeHead(200, { "content-length": "100" }).write('{"data":', () => response.destroy());
      else if (number === 2)
        response.writeHead(200, { "content-encoding": "gzip" }).end(zipped.subarray(0, zipped.length - 20));
      else response.writeHead(200, { "content-encoding": "gzip" }).end(zipped);
    });

    const { body } = await http.get("/v1/x");

    expect((body as { data: unknown[] }).data).toHaveLength(500);
    expect(requests).toHaveLength(3);
  });

  it.each([
    ["large", (response: ServerResponse) => response.end(`"${"x".repeat(2000)}"`)],
    [
      "inflated",
      (response: ServerResponse) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(`"${" ".repeat(900_000)}"`)),
    ],
  ])("gives up a body that is too %s", async (what, answer) => {
    const { http, requests } = await bench((_request, response) => answer(response), {
      limits: { maxBodyBytes: what === "large" ? 1000 : 10_000_000 },
    });

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryable, requests.length]).toEqual(["RESPONSE_TOO_LARGE", false, 1]);
  });

  it("gives up a call that hangs", async () => {
    const { http, requests } = await bench(() => undefined, { limits: { callMs: 40 } });

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryable, requests.length]).toEqual(["PROVIDER_TIMEOUT", true, 1]);
  });

  it.each([
    ["stops", { callMs: 60 }],
    ["drips", { slowAfterMs: 60 }],
  ])("gives up a body that %s", async (_what, limits) => {
    const { http } = await bench((_request, response) => void response.writeHead(200).write('{"data": ['), { limits });

    expect((await failureOf(http.get("/v1/x"))).code).toBe("PROVIDER_TIMEOUT");
  });

  it("reports a provider that cannot be reached", async () => {
    const { http } = await bench(() => undefined, { simulatorUrl: "http://127.0.0.1:1" });

    const error = await failureOf(http.get("/v1/x"));

    expect([error.code, error.retryable]).toEqual(["PROVIDER_UNAVAILABLE", true]);
  });

  it("ends at once when the run is aborted, with the run's own reason", async () => {
    const abort = new AbortController();
    const { http, requests } = await bench(() => abort.abort(new Error("lease lost")));

    await expect(http.get("/v1/x", {}, abort.signal)).rejects.toThrow("lease lost");
    expect(requests).toHaveLength(1);
  });

  it("halves the rate for ten minutes after a 429", async () => {
    const slept: number[] = [];
    const waiting = movedClock(slept);
    const rate = callRate(4, waiting);
    const { http, requests } = await bench(
      (_request, response, number) => json(response, number === 1 ? 429 : 200, {}, { "retry-after": "1" }),
      { waiting, rate },
    );

    for (let call = 0; call < 3; call += 1) await http.get("/v1/x");

    expect(requests).toHaveLength(4);
    // Two tokens a minute: the third and fourth request wait for the first two tokens to come back.
    expect(slept).toEqual([1000, 59_000, 1000]);
  });
});
