import { randomBytes } from "node:crypto";
import { expect, inject, it } from "vitest";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";

const emulator = inject("firestoreEmulator") ?? "";
it("prof", { timeout: 100000 }, async () => {
  process.env["FIRESTORE_EMULATOR_HOST"] = emulator;
  const d = firestoreDocuments({
    projectId: `p-${randomBytes(4).toString("hex")}`,
    declared: async () => declareQueries([]),
  });
  await d.transaction(async (tx) => {
    for (let i = 0; i < 1000; i++) tx.create(`a/${i}`, { i, text: "x".repeat(1000) });
  });
  const t = async (name: string, fn: () => Promise<unknown>) => {
    const s = performance.now();
    await fn();
    console.info(name, (performance.now() - s).toFixed(0));
  };
  await t("get 1", () => d.get("a/1"));
  await t("1000 single gets at once", () => Promise.all(Array.from({ length: 1000 }, (_, i) => d.get(`a/${i}`))));
  await t("2000 single gets at once", () =>
    Promise.all(Array.from({ length: 2000 }, (_, i) => d.get(`a/${i % 1000}`))),
  );
  await t("getAll 1000 existing", () => d.getAll(Array.from({ length: 1000 }, (_, i) => `a/${i}`)));
  await t("getAll 500 missing", () => d.getAll(Array.from({ length: 500 }, (_, i) => `b/${i}`)));
  await t("getAll 100 missing", () => d.getAll(Array.from({ length: 100 }, (_, i) => `b/${i}`)));
  await t("batch 600 creates", () =>
    d.transaction(async (tx) => {
      for (let i = 0; i < 600; i++) tx.create(`c/${i}`, { i, text: "x".repeat(1000) });
    }),
  );
  await t("batch 600 creates", () =>
    d.transaction(async (tx) => {
      for (let i = 0; i < 600; i++) tx.create(`c2/${i}`, { i, text: "x".repeat(1000) });
    }),
  );
  await t("batch 100 read+creates", () =>
    d.transaction(async (tx) => {
      await tx.getAll(Array.from({ length: 100 }, (_, i) => `d/${i}`));
      for (let i = 0; i < 100; i++) tx.create(`d/${i}`, { i, text: "x".repeat(1000) });
    }),
  );
  await t("batch 100 read+creates, 400 unchecked", () =>
    d.transaction(async (tx) => {
      await tx.getAll(Array.from({ length: 500 }, (_, i) => `e/${i}`));
      for (let i = 0; i < 100; i++) tx.create(`e/${i}`, { i, text: "x".repeat(1000) });
    }),
  );
  await t("batch 100 read+creates, 1 unchecked", () =>
    d.transaction(async (tx) => {
      await tx.getAll(Array.from({ length: 101 }, (_, i) => `f/${i}`));
      for (let i = 0; i < 100; i++) tx.create(`f/${i}`, { i, text: "x".repeat(1000) });
    }),
  );
  expect(1).toBe(1);
});
