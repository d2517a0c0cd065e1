import { Type } from "@sinclair/typebox";
import { rootAccess } from "#shared/access/caller.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/metrics",
  summary: "Counters and latencies of this process as Prometheus text",
  access: rootAccess({ openInDevelopment: true }),
  uses: [],
  response: Type.String(),
  contentType: "text/plain; version=0.0.4",
  handle: (_request, { metrics }) => metrics.text(),
});
