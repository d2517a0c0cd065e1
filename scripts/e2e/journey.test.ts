import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startSimulator } from "#scripts/simulate-providers/server.ts";
import { type Host, startHost } from "#scripts/start/host.ts";
import { createKeyRing } from "#shared/platform/keys/key-ring-file.ts";
import { readConfiguration } from "#shared/runtime/config.ts";
import { type CloudDoubles, startCloudDoubles } from "./cloud-doubles.ts";
import { call, customerJourney, type JourneyPlatform } from "./journey.ts";

const rootKey = "root-key-of-the-tests-0123456789abcdef";
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

describe("the first path through the house, embedded", () => {
  let folder: string;
  let host: Host;
  let simulator: Awaited<ReturnType<typeof startSimulator>>;
  let platform: JourneyPlatform;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cost-atlas-"));
    simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
    await createKeyRing(join(folder, "key-ring.json"));
    const config = await readConfiguration({
      ENVIRONMENT: "test",
      PORT: "0",
      CA_DATA_DIR: folder,
      CA_ROOT_API_KEY: rootKey,
      CA_PROVIDER_SIMULATOR_URL: simulator.url,
    });
    host = await startHost({ config, log: silent, ticks: false });
    platform = { url: host.url, rootKey, simulatorUrl: simulator.url };
  });
  afterAll(async () => {
    await host.stop();
    await simulator.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("brings a new customer from bootstrap to a cost summary that equals the provider's truth", async () => {
    await customerJourney(platform, "Acme", "journey1");
  }, 120_000);

  it("answers unknown paths and wrong methods in the one error shape", async () => {
    const unknown = await call(platform, "GET", "/api/v1/nothing/here");
    const wrong = await call(platform, "DELETE", "/api/v1/admin/bootstrap");

    expect(unknown).toMatchObject({ status: 404, body: { error: "NOT_FOUND" } });
    expect(wrong).toMatchObject({ status: 405, body: { error: "METHOD_NOT_ALLOWED" } });
    expect(wrong.headers.get("allow")).toContain("POST");
  });
});

const emulators = { firestore: inject("firestoreEmulator"), pubsub: inject("pubsubEmulator") };

describe.skipIf(emulators.firestore === undefined || emulators.pubsub === undefined)(
  "the first path through the house, on Google's emulators and the doubles",
  () => {
    let doubles: CloudDoubles;
    let host: Host;
    let simulator: Awaited<ReturnType<typeof startSimulator>>;
    beforeAll(async () => {
      simulator = await startSimulator({ now: "2026-08-10T12:00:00Z" });
      doubles = await startCloudDoubles({
        firestore: emulators.firestore ?? "",
        pubsub: emulators.pubsub ?? "",
        rootKey,
        simulatorUrl: simulator.url,
      });
      host = await startHost({ config: doubles.config, ports: doubles.ports, log: silent, ticks: false });
    });
    afterAll(async () => {
      await host.stop();
      await doubles.stop();
      await simulator.stop();
    });

    it("brings a new customer from bootstrap to a cost summary that equals the provider's truth", async () => {
      await customerJourney({ url: host.url, rootKey, simulatorUrl: simulator.url }, "Acme", "journey2");
    }, 180_000);
  },
);
