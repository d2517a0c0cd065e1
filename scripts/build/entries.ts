import { join } from "node:path";
import type { Plugin } from "esbuild";
import type { Functions } from "#scripts/start/functions.ts";
import { type AnyFunction, portsOf } from "#shared/runtime/declaration.ts";
import { openapiOf, routesOf } from "#shared/runtime/openapi.ts";
import type { PortName } from "#shared/runtime/ports.ts";
import { platformVersion } from "#shared/runtime/version.ts";
import { textModule } from "./config-modules.ts";
import { requestModules, settingsModule } from "./validator-modules.ts";

/** What the generated modules are made from. */
export interface EntrySources {
  functions: Functions;
  /** Absolute path of each function's file. */
  files: ReadonlyMap<string, string>;
  /** Where `#shared/...` is resolved from. */
  root: string;
}

/** The modules that exist only in the build: `entry:<function>` and the catalogue. */
export function entryModules({ functions, files, root }: EntrySources): Plugin {
  return {
    name: "entries",
    setup(build) {
      build.onResolve({ filter: /^(entry|catalogue):/ }, ({ path }) => ({ path, namespace: "generated" }));
      build.onLoad({ filter: /^entry:/, namespace: "generated" }, ({ path }) => {
        const name = path.slice("entry:".length);
        const fn = functions[name];
        const file = files.get(name);
        if (fn === undefined || file === undefined) throw new Error(`there is no function ${name}`);
        return { contents: entryModule(name, fn, file), loader: "js", resolveDir: root };
      });
      build.onLoad({ filter: /^catalogue:/, namespace: "generated" }, ({ path }) => {
        const value = path === "catalogue:openapi" ? openapiOf(functions, platformVersion) : routesOf(functions);
        return { contents: textModule(value), loader: "js" };
      });
      // All that the bundles take of our own; the rest would change every bundle with every script.
      build.onLoad({ filter: /package\.json$/ }, ({ path }) =>
        path === join(root, "package.json")
          ? { contents: JSON.stringify({ version: platformVersion }), loader: "json" }
          : undefined,
      );
    },
  };
}

function entryModule(name: string, fn: AnyFunction, file: string): string {
  const ports = portsOf(fn).map((port) => `    ${port}: ${factory(port)},`);
  const checks = requestModules(name, fn).map(([part, module]) => `      ${part}: ${validator(module)},`);
  return `import { serve } from "#shared/runtime/serve.ts";
import fn from ${JSON.stringify(file)};

serve(${JSON.stringify(name)}, fn, {
  factories: {
${ports.join("\n")}
  },
  validators: {
    settings: ${validator(settingsModule)},
    request: {
${checks.join("\n")}
    },
  },
});
`;
}

function validator(module: string): string {
  return `() => import(${JSON.stringify(module)}).then(({ validate }) => validate)`;
}

function factory(port: PortName): string {
  if (port !== "catalogue")
    return `(config) => import("#shared/platform/gcp/${port}.ts").then(({ open }) => open(config))`;
  return `async () => ({
    openapi: async () => JSON.parse((await import("catalogue:openapi")).default),
    routes: async () => JSON.parse((await import("catalogue:routes")).default),
  })`;
}
