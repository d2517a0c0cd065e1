import type { TSchema } from "@sinclair/typebox";
import { _ } from "ajv";
import standalone from "ajv/dist/standalone/index.js";
import type { Plugin } from "esbuild";
import type { Functions } from "#scripts/start/functions.ts";
import { Environment } from "#shared/runtime/config.ts";
import { type AnyFunction, requestSchemas } from "#shared/runtime/declaration.ts";
import { nothing } from "#shared/runtime/schema.ts";
import { compilerOf, type Way } from "#shared/runtime/validators.ts";

/** The module of the settings' validator. */
export const settingsModule = "validator:settings";
const nothingModule = "validator:nothing";

/** The modules of a function's validators by the part of a request that they check. */
export function requestModules(name: string, fn: AnyFunction): [part: string, module: string][] {
  return Object.entries(requestSchemas(fn)).map(([part, schema]) => {
    return [part, schema === nothing ? nothingModule : `validator:${name}/${part}`];
  });
}

/**
 * The modules `validator:...`: the code of the validators that each start and each request need, compiled now, so that
 * no process loads a compiler before it can answer.
 */
export function validatorModules({ functions, root }: { functions: Functions; root: string }): Plugin {
  const sources = new Map<string, { schema: TSchema; way: Way }>([
    [settingsModule, { schema: Environment, way: "settings" }],
  ]);
  for (const [name, fn] of Object.entries(functions)) {
    const schemas = requestSchemas(fn);
    for (const [part, module] of requestModules(name, fn))
      sources.set(module, { schema: schemas[part] ?? nothing, way: "request" });
  }
  return {
    name: "validator-modules",
    setup(build) {
      build.onResolve({ filter: /^validator:/ }, ({ path }) => ({ path, namespace: "generated-validator" }));
      build.onLoad({ filter: /.*/, namespace: "generated-validator" }, async ({ path }) => {
        const source = sources.get(path);
        if (source === undefined) throw new Error(`there is no module ${path}`);
        return { contents: await validatorModule(source.schema, source.way), loader: "js", resolveDir: root };
      });
    },
  };
}

/** A module that exports the schema's validator as `validate`. */
export async function validatorModule(schema: TSchema, way: Way): Promise<string> {
  const ajv = await compilerOf(way, { source: true, esm: true, formats: _`formats` });
  const code = standalone.default(ajv, ajv.compile(schema));
  const needsFormats = /= formats[.[]/.test(code);
  return needsFormats ? `import { formats } from "#shared/runtime/formats.ts";\n${code}` : code;
}
