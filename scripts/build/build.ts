import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Metafile } from "esbuild";
import { functionFiles, loadFunctions } from "#scripts/start/functions.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { openapiOf } from "#shared/runtime/openapi.ts";
import { bundle, repositoryRoot } from "./bundle.ts";
import { type Manifest, manifestOf } from "./manifest.ts";
import { awaitedTopics } from "./topics.ts";

export interface Build {
  manifest: Manifest;
  metafile: Metafile;
  folder: string;
}

/**
 * Bundles every function below `functions/` into the emptied folder, with `manifest.json` and `openapi.json` beside.
 * Throws `NOT_A_BUILD_FOLDER` rather than empty a folder that no build has made.
 */
export async function buildAll(outFolder: string): Promise<Build> {
  const folder = resolve(outFolder);
  const functions = await loadFunctions();
  await emptied(folder);
  const metafile = await bundle({ functions, files: await functionFiles() }, folder);
  const at = { root: repositoryRoot, folder, awaitedTopics: await awaitedTopics() };
  const manifest = manifestOf(functions, metafile, at);
  await writeFile(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  const openapi = openapiOf(functions, manifest.version);
  await writeFile(join(folder, "openapi.json"), `${JSON.stringify(openapi, null, 2)}\n`);
  return { manifest, metafile, folder };
}

async function emptied(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder);
  if (names.length > 0 && !names.includes("manifest.json")) {
    throw new AppError("NOT_A_BUILD_FOLDER", `${folder} holds other things than a build; it is not emptied.`);
  }
  await Promise.all(names.map((name) => rm(join(folder, name), { recursive: true })));
}
