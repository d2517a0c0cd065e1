import { rootAccess } from "#shared/access/caller.ts";
import { ProcedureItem, procedureOf } from "#shared/pipelines/procedures.ts";
import { httpFunction } from "#shared/runtime/declaration.ts";

export default httpFunction({
  method: "GET",
  path: "/api/v1/procedures/{name}",
  summary: "One pipeline configuration that was taken over",
  access: rootAccess(),
  uses: ["documents"],
  response: ProcedureItem,
  errors: ["PROCEDURE_NOT_FOUND"],
  handle: ({ params }, { documents }) => procedureOf(params.name, documents),
});
