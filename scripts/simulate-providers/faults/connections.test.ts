import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../server.ts";
import { control, get, literals, type Query, secondsOf } from "../walk-pages.ts";
import { faultModes } from "./fault.ts";

let simulator: Simulator;
let costs: string;
beforeAll(async () => {
  simulator = await startSimulator({ now: "2026-08-15T12:00:00Z" });
  costs = `${simulator.url}/openai/v1/organization/costs`;
});
afterAll(() => simulator.stop());
beforeEach(() => control(simulator.url, "POST", "/reset"));

const week: Query = {
  start_time: secondsOf("2026-07-06"),
  end_time: secondsOf("2026-07-13"),
  group_by: ["line_item"],
  limit: 3,
};
const put = (mode: string, more: Record<string, unknown> = {}) =>
  control(simulator.url, "PUT", "/faults", { provider: "openai", mode, ...more });

/** The raw bytes of a call; `isWhole` is false when the connection broke before the promised end. */
function raw(
  headers: Record<string, string> = {},
  timeoutMs = 0,
): Promise<{ body: Buffer; isWhole: boolean; encoding?: string }> {
  const url = `${costs}?start_time=${week["start_time"]}&group_by=line_item`;
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { authorization: "Bearer sk-admin-sim-example", ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      const encoding = response.headers["content-encoding"];
      const end = (isWhole: boolean) =>
        resolve({ body: Buffer.concat(chunks), isWhole, ...(encoding === undefined ? {} : { encoding }) });
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => end(true));
      response.on("error", () => end(false));
    });
    if (timeoutMs > 0) call.setTimeout(timeoutMs, () => call.destroy(new Error("timed out")));
    call.on("error", reject);
    call.end();
  });
}

describe("connections", () => {
  test("slow waits before the first byte, or drips", async () => {
    const begun = performance.now();
    await put("slow", { args: { delay_ms: 150 } });
    const late = await get(costs, week);
    const waited = performance.now() - begun;
    await put("slow", { args: { bytes_per_second: 400_000 } });
    const dripped = await get(costs, week);

    expect(waited).toBeGreaterThan(140);
    expect(dripped.text).toBe(late.text);
  });

  test("hang never answers, with or without headers, and does not keep the simulator from stopping", async () => {
    const own = await startSimulator();
    await control(own.url, "PUT", "/faults", { provider: "openai", mode: "hang", count: null });
    await put("hang", { args: { after_headers: true } });

    const pending = fetch(`${own.url}/openai/v1/models`);
    const refused = expect(pending).rejects.toThrow();

    await expect(raw({}, 200)).rejects.toThrow("timed out");
    await own.stop();
    await refused;
  });

  test("reset breaks the connection", async () => {
    await put("reset");

    await expect(raw()).rejects.toThrow("ECONNRESET");
  });

  test("truncate promises more bytes than it sends", async () => {
    const honest = await raw();
    await put("truncate", { args: { keep_percent: 40 } });

    const cut = await raw();

    expect(cut.isWhole).toBe(false);
    expect(cut.body.equals(honest.body.subarray(0, Math.floor(honest.body.length * 0.4)))).toBe(true);
  });

  test("truncate-gzip ends the transfer well and the gzip stream badly", async () => {
    await put("truncate-gzip");

    const { body, isWhole, encoding } = await raw({ "accept-encoding": "gzip" });

    expect([isWhole, encoding]).toEqual([true, "gzip"]);
    expect(() => gunzipSync(body)).toThrow("unexpected end of file");
  });

  test("big-body is honest JSON that is too long, plain or as a bomb", async () => {
    const honest = (await raw()).body.toString();
    await put("big-body", { args: { mib: 3 } });
    const plain = await raw();
    await put("big-body", { args: { mib: 3, gzip: true } });
    const bomb = await raw({ "accept-encoding": "gzip" });

    expect(plain.body.length).toBeGreaterThan(3 * 1024 * 1024);
    expect(plain.body.toString().trimEnd()).toBe(honest);
    expect(bomb.body.length * 100).toBeLessThan(3 * 1024 * 1024);
    expect(gunzipSync(bomb.body).equals(plain.body)).toBe(true);
  });

  test("gzip is used when the client takes it and changes nothing", async () => {
    const plain = await raw();
    const zipped = await raw({ "accept-encoding": "gzip, br" });

    expect([plain.encoding, zipped.encoding]).toEqual([undefined, "gzip"]);
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
  });
});

test("every mode strikes: a call with it never equals the honest one", async () => {
  const honest = (await raw()).body.toString();
  // Modes seen in time or headers only have their own tests above.
  const unseen = ["slow", "clock-skew"];
  for (const mode of faultModes.filter((one) => !unseen.includes(one))) {
    await control(simulator.url, "POST", "/reset");
    await put(mode);

    const struck = await raw({}, 300).then(
      ({ body, isWhole }) => (isWhole ? body.toString() : "broken"),
      () => "broken",
    );

    expect(struck === honest, mode).toBe(false);
    expect((await control(simulator.url, "GET", "/faults")).faults[0].fired, mode).toBe("1");
  }
  expect(literals(honest).object).toBe("page");
});
