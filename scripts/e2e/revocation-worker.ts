import { orgAccess } from "#shared/access/caller.ts";
import { verifyCaller } from "#shared/access/verify.ts";
import { systemClock } from "#shared/platform/clock.ts";
import { declareQueries } from "#shared/platform/documents/declared-queries.ts";
import { firestoreDocuments } from "#shared/platform/documents/firestore-documents.ts";

// An instance that has served the key before: it verifies on every message, as the runtime does on every request.
const [projectId = "", apiKey = ""] = process.argv.slice(2);
const documents = firestoreDocuments({ projectId, declared: async () => declareQueries([]) });
const by = { documents, clock: systemClock, rootKey: undefined, isDevelopment: false };

process.on("message", async () => {
  const verdict = await verifyCaller({ apiKey, rootKey: undefined }, orgAccess("costs:read"), by).then(
    (caller) => caller.kind,
    (error: { code?: string }) => error.code ?? String(error),
  );
  process.send?.(verdict);
});
process.send?.("ready");
