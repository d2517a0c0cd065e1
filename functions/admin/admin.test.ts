import { describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import type { Documents } from "#shared/platform/documents/documents.ts";
import { platformVersion } from "#shared/runtime/version.ts";

async function json(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe("health", () => {
  it.each(["/health", "/health/live", "/health/ready"])("%s tells platform and version to anybody", async (path) => {
    const { url } = await testHost();

    expect(await json(url + path)).toEqual({
      status: 200,
      body: { status: "ok", platform: "embedded", version: platformVersion },
    });
  });

  it("is not ready while the document store fails, but alive", async () => {
    const { url, ports } = await testHost();
    await ports.documents.close();

    const [ready, live] = [await json(`${url}/health/ready`), await json(`${url}/health/live`)];

    expect([ready.status, ready.body["error"]]).toEqual([503, "DOCUMENTS_UNAVAILABLE"]);
    expect(live.status).toBe(200);
  });

  it("is not ready either when the store fails in a way of its own", async () => {
    let isBroken = false;
    const get = async () => {
      if (isBroken) throw new TypeError("no store");
      return { readAt: new Date() };
    };
    const store = { get, list: async () => ({ documents: [] }), transaction: async () => {} };
    const { url } = await testHost({ ports: { documents: store as unknown as Documents } });
    isBroken = true;

    const { status, body } = await json(`${url}/health/ready`);

    expect([status, body["error"]]).toEqual([503, "DOCUMENTS_UNAVAILABLE"]);
    expect(JSON.stringify(body)).not.toContain("no store");
  });
});

describe("metrics", () => {
  it("are Prometheus text that counts requests by function and status", async () => {
    const { url } = await testHost();
    await fetch(`${url}/health`);
    await fetch(`${url}/nothing`);

    const answer = await fetch(`${url}/metrics`);
    const text = await answer.text();

    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(text).toContain('ca_requests_total{function="health",status="200"} 1');
    expect(text).toContain('ca_requests_total{function="not-found",status="404"} 1');
    expect(text).toContain("# TYPE ca_dead_letters_open gauge\nca_dead_letters_open 0\n");
    expect(text).toContain('ca_request_seconds_count{function="health"} 1');
  });

  it("need the root key outside of development", async () => {
    const { url } = await testHost({ config: { ...(await testConfiguration()), ENVIRONMENT: "staging" } });
    const ask = (headers: Record<string, string>) => fetch(`${url}/metrics`, { headers });

    const statuses = [await ask({}), await ask({ "x-ca-root-key": "wrong" }), await ask({ "x-ca-root-key": rootKey })];

    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 200]);
  });
});

describe("the OpenAPI document", () => {
  it("lists this platform's own paths, and what takes every path is not among them", async () => {
    const { url } = await testHost();

    const { body } = await json(`${url}/openapi.json`);

    expect(body).toMatchObject({ openapi: "3.1.0", info: { version: platformVersion } });
    const paths = Object.keys(body["paths"] as object);
    expect(paths).toEqual(expect.arrayContaining(["/health", "/openapi.json", "/api/v1/organizations/{org}/quota"]));
    expect(paths.filter((path) => path.includes("*"))).toEqual([]);
  });
});
