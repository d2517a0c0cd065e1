import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import { strictObject, validBody } from "#shared/runtime/schema.ts";

const ProcessorFacts = strictObject({
  /** Tables of the organization's dataset; none of what belongs to the platform. */
  writes: Type.Array(Type.String({ pattern: "^[a-z0-9_]+$" })),
  /** It calls nobody and works on the rows that the steps before it pulled. */
  derives: Type.Boolean({ default: false }),
});
export type ProcessorFacts = Static<typeof ProcessorFacts>;

const ProcessorFile = strictObject({
  processors: Type.Record(Type.String({ pattern: "^[a-z_]+\\.[a-z_]+$" }), ProcessorFacts),
});

/** By processor name, e.g. `openai.costs`. */
export type Processors = ReadonlyMap<string, ProcessorFacts>;

let loaded: Promise<Processors> | undefined;

/** What a step may name as its processor (`configs/pipelines/processors.yml`), read and checked once. */
export function processors(): Promise<Processors> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Processors> {
  const file = await validBody(ProcessorFile, structuredClone(await configFile("pipelines/processors.yml")));
  return new Map(Object.entries(file.processors));
}
