import type { TestProject } from "vitest/node";
import { startEmulators } from "./emulators.ts";

declare module "vitest" {
  interface ProvidedContext {
    firestoreEmulator: string | undefined;
    pubsubEmulator: string | undefined;
  }
}

/** Starts the emulators once for all suites. With `CA_REQUIRE_EMULATORS=1` (as `.ci/run` sets) their absence is a failure. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const emulators = await startEmulators();
  const missing = [...(emulators.firestore ? [] : ["Firestore"]), ...(emulators.pubsub ? [] : ["Pub/Sub"])];
  if (missing.length > 0 && process.env["CA_REQUIRE_EMULATORS"] === "1") {
    throw new Error(`emulators are required but absent: ${missing.join(", ")} (Cloud SDK platform folder and Java)`);
  }
  for (const name of missing)
    console.warn(`\n!!! skipped: no emulator (${name}) - install the Cloud SDK emulator and Java !!!\n`);
  project.provide("firestoreEmulator", emulators.firestore);
  project.provide("pubsubEmulator", emulators.pubsub);
  return emulators.stop;
}
