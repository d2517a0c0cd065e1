import { describe, expect, it, onTestFinished } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { rootKey, testConfiguration, testHost } from "#scripts/start/host.fixture.ts";
import { call } from "#shared/account/sign-in.fixture.ts";

const root = { "x-ca-root-key": rootKey };

describe("a quota warning", () => {
  it("is mailed, on the smallest plan too, when a limit comes to its end, and not again by what changes nothing", async () => {
    const simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
    onTestFinished(() => simulator.stop());
    const host = await testHost({ config: await testConfiguration({ CA_PROVIDER_SIMULATOR_URL: simulator.url }) });
    const send = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
      call(host.url, method, `/api/v1${path}`, { headers, ...(body === undefined ? {} : { body }) });
    const mails = async () => {
      await host.idle();
      const { body } = await send("GET", "/admin/dev/mail?to=ops%40acme.example", root);
      return (body["mails"] as { subject: string; text: string }[]).filter(({ subject }) => subject.includes("%"));
    };
    await send("POST", "/admin/bootstrap", root, {});
    const applicant = { org_slug: "Acme", company_name: "Acme", admin_email: "ops@acme.example" };
    const made = await send("POST", "/organizations/onboard", root, applicant);
    const key = { "x-api-key": String(made.body["api_key"]) };

    const before = await mails();
    const connect = () =>
      send("POST", "/integrations/acme/openai/setup", key, { api_key: "sk-admin-sim-warnedaccount" });
    const connected = await connect();
    const told = await mails();
    await connect();

    expect(connected.body, JSON.stringify(connected.body)).toMatchObject({ success: true });
    expect(before).toEqual([]);
    expect(told).toMatchObject([{ subject: "Acme has connected 100 % of its providers" }]);
    expect(told[0]?.text).toContain("Acme has connected 1 of the 1 providers that its plan allows.");
    expect(await mails()).toEqual(told);
  }, 60_000);
});
