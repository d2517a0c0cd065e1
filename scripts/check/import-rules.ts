import { type Fault, type Import, importsOf, isTestSupport, type Source } from "./sources.ts";

/** A file of the product with one of its imports. */
interface Edge extends Import {
  from: string;
}

/** Undefined where the import keeps the rule, else what is wrong with it. */
type Rule = (edge: Edge) => string | undefined;

const adapter = /^shared\/platform\/([a-z]+)\/[a-z0-9-]+-\1\.ts$/;
const platformRoom = /^shared\/platform\/(gcp|embedded)\//;
const googleClient = /^(@google-cloud\/|google-auth-library|google-gax)/;
const framework = /^@google-cloud\/functions-framework/;
const frameRooms = /^shared\/(platform\/warehouse|costs|ledger|quality|pipelines|providers\/focus)\//;

/**
 * The arrows of the architecture (section 2): functions -> shared rooms -> ports; adapters only where a platform is put
 * together; expensive packages only in adapters; no room imports a room that imports it. Tests may import anything.
 * Cycles between files are Biome's `noImportCycles`.
 */
export function importFaults(sources: readonly Source[]): Fault[] {
  const product = sources.filter(({ path }) => !isTestSupport(path));
  const edges = product.flatMap((source) => importsOf(source).map((each): Edge => ({ ...each, from: source.path })));
  const broken = edges.flatMap((edge) =>
    rules.flatMap((rule) => {
      const problem = rule(edge);
      return problem === undefined ? [] : [{ path: edge.from, line: edge.line, problem }];
    }),
  );
  return [...broken, ...roomCycles(edges)];
}

const rules: readonly Rule[] = [
  ({ from, target }) =>
    isIn("functions", target) && !isIn("scripts", from) ? `imports the function file ${target}` : undefined,
  ({ from, target }) =>
    isIn("scripts", target) && !isIn("scripts", from)
      ? `imports ${target}: scripts are no part of the product`
      : undefined,
  ({ from, specifier, target }) =>
    isIn("functions", from) && !isIn("shared", target) && specifier !== "@sinclair/typebox"
      ? `imports ${specifier}: a function file imports from #shared only`
      : undefined,
  ({ from, target }) => {
    const port = adapter.exec(target)?.[1];
    const mayImport = isIn("scripts", from) || platformRoom.test(from) || from.startsWith(`shared/platform/${port}/`);
    return port === undefined || mayImport ? undefined : `imports the adapter ${target}: ask for the port instead`;
  },
  ({ from, target }) =>
    platformRoom.test(target) && !isIn("scripts", from) && !platformRoom.test(from)
      ? `imports ${target}: only entries and the local host put a platform together`
      : undefined,
  ({ from, target }) =>
    googleClient.test(target) && !framework.test(target) && !isIn("shared/platform", from) && !isIn("scripts", from)
      ? `imports ${target}: Google's clients belong to adapters`
      : undefined,
  ({ from, target }) =>
    framework.test(target) && from !== "shared/runtime/serve.ts" && !isIn("scripts", from)
      ? `imports ${target}: only shared/runtime/serve.ts touches functions-framework`
      : undefined,
  ({ from, target, isType }) =>
    target === "nodejs-polars" && !isType && !frameRooms.test(from) && !isIn("scripts", from)
      ? "imports nodejs-polars: frames live in the warehouse, costs, ledger, quality, pipelines and focus rooms"
      : undefined,
  ({ from, specifier, target }) =>
    specifier.startsWith(".") && target.endsWith(".ts") && folderOf(from) !== folderOf(target)
      ? `imports ${specifier}: across rooms it is #${target}`
      : undefined,
];

/** Rooms of `shared/` that import each other, directly or over others; what compiles away and error types do not count. */
function roomCycles(edges: readonly Edge[]): Fault[] {
  const arrows = new Map<string, Map<string, Edge>>();
  for (const edge of edges) {
    const [from, to] = [roomOf(edge.from), roomOf(edge.target)];
    if (from === undefined || to === undefined || from === to) continue;
    if (edge.isType || edge.target === "shared/runtime/errors.ts") continue;
    const known = arrows.get(from) ?? new Map<string, Edge>();
    arrows.set(from, known.set(to, known.get(to) ?? edge));
  }
  const reach = (from: string, to: string): string[] | undefined => shortestWay(arrows, from, to);
  return [...arrows].flatMap(([from, targets]) =>
    [...targets].flatMap(([to, edge]) => {
      const back = reach(to, from);
      // Each cycle once: at the arrow out of its alphabetically first room.
      if (back === undefined || [from, ...back].sort()[0] !== from) return [];
      const way = [from, ...back].map((room) => room.replace("shared/", "")).join(" -> ");
      return [{ path: edge.from, line: edge.line, problem: `rooms in a circle: ${way}` }];
    }),
  );
}

function shortestWay(arrows: Map<string, Map<string, Edge>>, from: string, to: string): string[] | undefined {
  const ways: string[][] = [[from]];
  const seen = new Set([from]);
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    const last = way.at(-1) ?? from;
    if (last === to) return way;
    for (const next of arrows.get(last)?.keys() ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

/** `shared/<noun>`; what puts a platform together stands beside `shared/platform`, above the runtime. */
function roomOf(path: string): string | undefined {
  return platformRoom.test(path) ? path.split("/", 3).join("/") : /^shared\/[^/]+(?=\/)/.exec(path)?.[0];
}

/** Where relative imports are allowed: a room of `shared/` or `scripts/`, an area of `functions/`. */
function folderOf(path: string): string {
  return path.split("/", 2).join("/");
}

function isIn(folder: string, path: string): boolean {
  return path.startsWith(`${folder}/`);
}
