import { describe, expect, it } from "vitest";
import { configFile } from "#shared/platform/config-files.ts";
import { bench, failureOf, json, secret } from "./fixtures/loopback-provider.ts";
import { providerRegistry } from "./registry.ts";

describe("what providerHttp never does", () => {
  const spellings = [
    secret,
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("base64url"),
    Buffer.from(secret).toString("hex"),
    encodeURIComponent(secret),
  ];

  it.each(spellings)("shows no secret written as %s in any error", async (spelling) => {
    for (const status of [200, 400, 401, 429, 500]) {
      const message = `key ${spelling} failed\n${"long ".repeat(100)}`;
      const { http } = await bench((_request, response) => json(response, status, { error: { message } }));

      const error = await failureOf(http.get("/v1/x"));

      const shown = JSON.stringify([error.message, error.extra, error.fields, String(error.cause ?? ""), error.stack]);
      expect(shown).not.toContain(spelling);
      expect(error.message).toContain("key [secret] failed");
      expect(error.message.length).toBeLessThan(300);
    }
  });

  it.each(["sk-other-0123456789", "Bearer abc.def", "-----BEGIN PRIVATE KEY-----\nabc"])(
    "shows nothing like %j in an error",
    async (text) => {
      const { http } = await bench((_request, response) =>
        json(response, 401, { error: { message: `${text} is wrong` } }),
      );

      expect((await failureOf(http.get("/v1/x"))).message).not.toContain(text.slice(0, 12));
    },
  );

  it("calls no private address even if the registry named one", async () => {
    const entry = providerRegistry(await configFile("system/providers.yml")).provider("openai");
    const { requests, http } = await bench((_request, response) => json(response, 200, {}), {
      simulatorUrl: undefined,
      provider: { ...entry, base_url: "https://127.0.0.1", allowed_hosts: ["127.0.0.1"] },
    });

    const error = await failureOf(http.get("/v1/x"));

    expect(error.code).toBe("PROVIDER_UNAVAILABLE");
    expect(String(error.cause)).toContain("not allowed");
    expect(requests).toHaveLength(0);
  });

  it.each(["https://simulator.example.com", "http://10.0.0.1:8790", "http://127.0.0.1.example.com", "nonsense"])(
    "refuses %s as simulator",
    async (simulatorUrl) => {
      await expect(bench(() => undefined, { simulatorUrl })).rejects.toMatchObject({ code: "CONFIGURATION_INVALID" });
    },
  );

  it("refuses a path that would leave the base", async () => {
    const { http } = await bench((_request, response) => json(response, 200, {}));

    await expect(http.get("/../../admin")).rejects.toMatchObject({ code: "PROVIDER_SCHEMA_DRIFT" });
  });
});
