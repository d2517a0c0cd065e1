import { type Static, Type } from "@sinclair/typebox";
import { configFile } from "#shared/platform/config-files.ts";
import { AppError } from "#shared/runtime/errors.ts";
import { validBody } from "#shared/runtime/schema.ts";
import { ProviderFacts } from "./registry-schema.ts";

const SourceFacts = Type.Pick(
  ProviderFacts,
  [
    "display_name",
    "base_url",
    "allowed_hosts",
    "extra_headers",
    "rate_limit_per_minute",
    "request_timeout_seconds",
    "max_body_mib",
  ],
  { additionalProperties: false },
);

const SourcesFile = Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_]{0,49}$" }), SourceFacts, {
  additionalProperties: false,
});

/** What a client of HTTP needs to know of whom it calls: a provider, or a public source of the platform's own. */
export type CalledSource = Readonly<Static<typeof SourceFacts> & { slug: string }>;

let loaded: Promise<ReadonlyMap<string, CalledSource>> | undefined;

/** The public sources of `configs/system/sources.yml`, read and checked once. Throws `INVALID_BODY` for a faulty file. */
export function publicSources(): Promise<ReadonlyMap<string, CalledSource>> {
  loaded ??= configFile("system/sources.yml").then(async (content) => {
    const file = await validBody(SourcesFile, structuredClone(content));
    return new Map(Object.entries(file).map(([slug, facts]) => [slug, { ...facts, slug }]));
  });
  return loaded;
}

/** One of them. Throws `CONFIGURATION_INVALID`. */
export async function publicSource(slug: string): Promise<CalledSource> {
  const source = (await publicSources()).get(slug);
  if (source === undefined) throw new AppError("CONFIGURATION_INVALID", `There is no public source ${slug}.`);
  return source;
}
