import { Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";

const PlannedFile = strictObject({
  pipelines: Type.Array(Type.String({ pattern: "^[a-z0-9_]+(/[a-z0-9_]+){1,2}$" }), { uniqueItems: true }),
});

/**
 * Addresses of shipped pipelines whose provider nobody serves yet (`configs/pipelines/planned.yml`): each file says
 * `enabled: false`. Throws `INVALID_BODY` for a faulty list.
 */
export async function plannedPipelines(): Promise<readonly string[]> {
  const content = await configFile("pipelines/planned.yml");
  return (await validBody(PlannedFile, structuredClone(content))).pipelines;
}
