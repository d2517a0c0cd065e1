import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";
import { configFile, configFolder } from "#shared/platform/config-files.ts";

const target = "shared/platform/config-files.ts";

/**
 * Replaces `shared/platform/config-files.ts`: the files below `configs/` are read and checked now and lie in the bundles
 * as JSON, each in a chunk of its own, so that no bundle reads a folder or holds a YAML parser (`pipelines.md` 1). What
 * has to read YAML that somebody sent imports `strict-yaml.ts`.
 */
export async function configModules(): Promise<Plugin> {
  const tree = await readTree("");
  return {
    name: "config-modules",
    setup(build) {
      const folder = join(build.initialOptions.absWorkingDir ?? process.cwd(), dirname(target));
      build.onResolve({ filter: /config-files\.ts$/ }, ({ path, resolveDir }) => {
        const isTarget = path === `#${target}` || join(resolveDir, path) === join(folder, "config-files.ts");
        return isTarget ? { path: target, namespace: "configs", sideEffects: false } : undefined;
      });
      build.onLoad({ filter: /.*/, namespace: "configs" }, () => ({
        contents: indexModule(tree),
        loader: "js",
        resolveDir: folder,
      }));
      build.onResolve({ filter: /^config:/ }, ({ path }) => ({ path: path.slice(7), namespace: "config" }));
      build.onLoad({ filter: /.*/, namespace: "config" }, ({ path }) => ({
        contents: textModule(tree.files.get(path)),
        loader: "js",
      }));
    },
  };
}

/** A module whose default export is the value as JSON text: parsing it anew gives each caller a value of its own. */
export function textModule(value: unknown): string {
  return `export default ${JSON.stringify(JSON.stringify(value))};\n`;
}

interface Tree {
  /** Parsed content by path below `configs/`. */
  files: Map<string, unknown>;
  /** Names in each folder, `""` for `configs/` itself. */
  folders: Map<string, string[]>;
}

async function readTree(folder: string, tree: Tree = { files: new Map(), folders: new Map() }): Promise<Tree> {
  const names = await configFolder(folder);
  tree.folders.set(folder, names);
  for (const name of names) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (/\.(yml|json|csv|txt)$/.test(name)) tree.files.set(path, await configFile(path));
    else if (!name.includes(".")) await readTree(path, tree);
  }
  return tree;
}

/** The same verbs and the same error as the module it stands for. */
function indexModule(tree: Tree): string {
  const files = [...tree.files.keys()].map((path) => {
    return `  [${JSON.stringify(path)}, () => import(${JSON.stringify(`config:${path}`)})],`;
  });
  return `import { AppError } from "#shared/runtime/errors.ts";

const files = new Map([
${files.join("\n")}
]);
const folders = new Map(${JSON.stringify([...tree.folders])});

export async function configFile(path) {
  const load = files.get(path);
  if (load === undefined) throw missing(path, "is not part of this build");
  return JSON.parse((await load()).default);
}

export async function configFolder(path) {
  const names = folders.get(path);
  if (names === undefined) throw missing(path, "cannot be listed");
  return [...names];
}

function missing(path, problem) {
  const fields = [{ path: path + ":1", problem }];
  return new AppError("CONFIG_FILE_INVALID", path + ":1: " + problem, { fields });
}
`;
}
