import { describe, expect, it, onTestFinished } from "vitest";
import { startWorld } from "#scripts/e2e/world.ts";
import { type IntegrationsIndex, indexPath } from "#shared/integrations/credential.ts";
import { type SubscriptionDocument, subscriptionPath } from "#shared/plans/subscription.ts";
import { refuseOverLimit, runnableProviders } from "./runnable-providers.ts";

const connected = {
  gcp: { since: "2026-03-01T00:00:00.000Z" },
  openai: { since: "2026-01-01T00:00:00.000Z" },
  anthropic: { since: "2026-03-01T00:00:00.000Z" },
  focus: { since: "2026-02-01T00:00:00.000Z" },
};

describe("providers over the limit", () => {
  it.each([
    [null, ["openai", "focus", "anthropic", "gcp"]],
    [4, ["openai", "focus", "anthropic", "gcp"]],
    [3, ["openai", "focus", "anthropic"]],
    [2, ["openai", "focus"]],
    [1, ["openai"]],
    [0, []],
  ])("of %s leave runnable, by first activation, then by name: %j", (limit, runnable) => {
    expect([...runnableProviders(connected, limit)]).toEqual(runnable);
  });

  it("are refused by name of the limit; others and those that are not connected are not its matter", () => {
    expect(() => refuseOverLimit("gcp", connected, 3)).toThrow(
      expect.objectContaining({ code: "PLAN_LIMIT_REACHED", message: "Plan limit reached. Max providers: 3." }),
    );
    expect(() => refuseOverLimit("openai", connected, 3)).not.toThrow();
    expect(() => refuseOverLimit("aws", connected, 1)).not.toThrow();
  });
});

describe("a run of a provider over the limit", () => {
  it("is refused while the oldest provider's is admitted, and admitted again with a higher limit; nothing is disconnected", async () => {
    const world = await startWorld();
    onTestFinished(() => world.stop());
    const { documents } = world.ports;
    const { org } = await world.onboarded("Over_Limit");
    await world.connected(org, "overaccount");
    const older = { gcp: { since: "2026-01-01T00:00:00.000Z", credentials: {} } };
    const limited = (providers: number) =>
      documents.transaction(async (tx) => {
        const { body } = await tx.get<SubscriptionDocument>(subscriptionPath(org));
        tx.set(subscriptionPath(org), { ...body, overrides: { providers } });
      });
    await documents.transaction(async (tx) => {
      const { body } = await tx.get<IntegrationsIndex>(indexPath(org));
      tx.set(indexPath(org), { providers: { ...body?.providers, ...older } });
    });

    await limited(1);
    const refused = await world.trigger(org, { date: "2026-08-01" }).catch((error: unknown) => error);
    await limited(2);
    const admitted = await world.trigger(org, { date: "2026-08-01" });

    expect(refused).toMatchObject({ code: "PLAN_LIMIT_REACHED", fields: [{ path: "/quota/providers" }] });
    expect(admitted.status).toBe("PENDING");
    expect(Object.keys((await documents.get<IntegrationsIndex>(indexPath(org))).body?.providers ?? {})).toHaveLength(2);
  });
});
