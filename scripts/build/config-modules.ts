import type { Plugin } from "esbuild";
import { configFile, configFolder } from "#shared/platform/config-files.ts";

/** Suffix that means the module as it stands in the source. */
const asWritten = "?as-written";
const target = /\/config-files\.ts$/;

/**
 * Replaces `shared/platform/config-files.ts`: the files below `configs/` are read and checked now and lie in the bundles
 * as JSON, each in a chunk of its own, so that no bundle reads a folder or holds a YAML parser (`pipelines.md` 1).
 */
export async function configModules(): Promise<Plugin> {
  const tree = await readTree("");
  return {
    name: "config-modules",
    setup(build) {
      build.onResolve({ filter: /config-files\.ts(\?as-written)?$/ }, async ({ path, importer, resolveDir, pluginData }) => {
        if (pluginData === asWritten || importer.endsWith(".test.ts")) return undefined;
        const bare = path.replace(asWritten, "");
        const resolved = await build.resolve(bare, { kind: "import-statement", resolveDir, importer, pluginData: asWritten });
        if (!target.test(resolved.path)) return undefined;
        if (path.endsWith(asWritten)) return { path: resolved.path, sideEffects: false };
        return { path: resolved.path, namespace: "config-files", sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: "config-files" }, ({ path }) => ({
        contents: indexModule(tree, path),
        loader: "js",
        resolveDir: path.replace(/\/[^/]+$/, ""),
      }));
      build.onResolve({ filter: /^config:/ }, ({ path }) => ({ path: path.slice(7), namespace: "config", sideEffects: false }));
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
    if (/\.(yml|json)$/.test(name)) tree.files.set(path, await configFile(path));
    else if (!name.includes(".")) await readTree(path, tree);
  }
  return tree;
}

function indexModule(tree: Tree, original: string): string {
  const files = [...tree.files.keys()].map((path) => {
    const text = JSON.stringify(path);
    return `  [${text}, () => import("config:${path}")],`;
  });
  return `import { AppError } from "#shared/runtime/errors.ts";
export * from ${JSON.stringify(`./${original.split("/").at(-1)}${asWritten}`)};

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
