import { Type } from "@sinclair/typebox";
import { rootAccess } from "#shared/access/caller.ts";
import { gaugesText } from "#shared/pipelines/gauges.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/metrics",
  summary: "Counters and latencies of this process, and gauges of the platform, as Prometheus text",
  access: rootAccess({ openInDevelopment: true }),
  uses: ["documents"],
  response: Type.String(),
  contentType: "text/plain; version=0.0.4",
  handle: async (_request, { documents, metrics }) => (await metrics.text()) + (await gaugesText(documents)),
});
