import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import { call } from "#shared/account/sign-in.fixture.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { revealDevelopmentKey } from "./development-key.ts";

/** A port that nothing may touch. */
function untouchable<T>(): T {
  return new Proxy({}, { get: () => expect.fail("was used") }) as T;
}

describe("the reveal of an organization's key", () => {
  it.each(["staging", "production"] as const)("is refused in %s before anything is read", async (ENVIRONMENT) => {
    const config = { ...(await readConfiguration({ ENVIRONMENT: "test" })), ENVIRONMENT };
    const given = { documents: untouchable<never>(), keys: untouchable<never>(), config };

    for (const slug of ["acme", "nobody", "..", ""])
      await expect(revealDevelopmentKey(slug, untouchable(), given)).rejects.toMatchObject({
        code: "DEVELOPMENT_ONLY",
        message: "This exists on development installations only.",
      });
  });

  it("answers the same bytes for an organization that exists and for one that does not", async () => {
    const config = await testConfiguration({ ENVIRONMENT: "staging", RATE_LIMIT_ENABLED: "false" });
    await createKeyRing(join(config.CA_DATA_DIR, "key-ring.json"));
    const host = await testHost({ config });
    const headers = { "x-ca-root-key": rootKey, "x-request-id": "req-of-the-test" };
    const applicant = { org_slug: "acme", company_name: "Acme", admin_email: "a@example.com" };
    await call(host.url, "POST", "/api/v1/admin/bootstrap", { headers, body: {} });
    const made = await call(host.url, "POST", "/api/v1/organizations/onboard", { headers, body: applicant });
    const reveal = (slug: string) => call(host.url, "GET", `/api/v1/admin/dev/api-key/${slug}`, { headers });

    const answers = [await reveal("acme"), await reveal("nobody")];

    expect(made.status, JSON.stringify(made.body)).toBe(200);
    const [known, unknown] = answers.map(({ status, body }) => ({ status, ...body, error_id: "" }));
    expect(known).toMatchObject({ status: 403, error: "DEVELOPMENT_ONLY" });
    expect(unknown).toEqual(known);
  });
});
