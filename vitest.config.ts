import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{functions,shared,scripts,configs}/**/*.test.ts"],
    globalSetup: ["scripts/emulators/global-setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
