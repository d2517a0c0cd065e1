import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { parseTableConfig, type TableConfig } from "./table-config.ts";

/**
 * The tables of the operator's dataset (`bootstrap`) or of an organization's (`organizations`), read from `configs/`.
 * Throws `CONFIG_FILE_INVALID` for a file that cannot be read, `TABLE_CONFIG_INVALID` with all faults of the tables.
 */
export async function loadTableConfig(kind: "bootstrap" | "organizations"): Promise<TableConfig> {
  const [config, schemas, views] = await Promise.all([
    configFile(`${kind}/config.yml`),
    filesBelow(`${kind}/schemas`, ".json"),
    filesBelow(`${kind}/views`, ".yml"),
  ]);
  return parseTableConfig({ config, schemas, views });
}

async function filesBelow(folder: string, ending: string): Promise<Record<string, unknown>> {
  const names = await configFolder(folder);
  const entries = names.map(async (name): Promise<[string, unknown]> => {
    const key = name.endsWith(ending) ? name.slice(0, -ending.length) : name;
    return [key, await configFile(`${folder}/${name}`)];
  });
  return Object.fromEntries(await Promise.all(entries));
}
