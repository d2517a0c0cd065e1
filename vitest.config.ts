import { defineConfig } from "vitest/config";
import { SlowFirst } from "./scripts/ci/slow-first.ts";

export default defineConfig({
  test: {
    include: ["{functions,shared,scripts,configs}/**/*.test.ts"],
    globalSetup: ["scripts/ci/temporary-folder.ts", "scripts/emulators/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
  },
});
