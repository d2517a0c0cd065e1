import { rootAccess } from "#shared/access/caller.ts";
import { listProcedures, ProcedureList } from "#shared/pipelines/procedures.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/procedures",
  summary: "The pipeline configurations that were taken over",
  access: rootAccess(),
  uses: ["documents"],
  response: ProcedureList,
  handle: (_request, { documents }) => listProcedures(documents),
});
