import { tableFaults } from "./config-faults.ts";
import { organizationTables } from "./parts.ts";
import { invalidPipelines, type PipelineRegistry, pipelines } from "./registry.ts";

/** The registry, checked against the tables too: what a build needs once and a request never. Throws `PIPELINE_CONFIG_INVALID`. */
export async function checkedPipelines(): Promise<PipelineRegistry> {
  const [registry, tables] = await Promise.all([pipelines(), organizationTables()]);
  const faults = registry.pipelines.flatMap(({ config, address }) =>
    tableFaults(config, tables).map((fault) => ({ ...fault, path: `${address}.yml${fault.path}` })),
  );
  if (faults.length > 0) throw invalidPipelines(faults);
  return registry;
}
