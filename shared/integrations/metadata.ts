import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";

const maximumBytes = 51_200;
const secretLike =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bsk-[A-Za-z0-9_-]{16,}|\bghp_[A-Za-z0-9]{20,}|\bAIza[A-Za-z0-9_-]{30,}/;

/** The metadata as the provider's registry entry allows it: unknown keys and values that look like a secret are refused. */
export async function checkedMetadata(
  entry: ProviderEntry,
  metadata: Record<string, unknown>,
  secret: string,
): Promise<Record<string, unknown>> {
  const text = JSON.stringify(metadata);
  if (Buffer.byteLength(text) > maximumBytes)
    throw new AppError("METADATA_TOO_LARGE", "The metadata is larger than 50 KiB.");
  const { Ajv } = await import("ajv");
  const validate = new Ajv({ allErrors: true, strict: false }).compile(entry.metadata_schema);
  const problems: FieldProblem[] = validate(metadata)
    ? []
    : (validate.errors ?? []).map((error) => ({
        path: `/metadata${error.instancePath}${error.keyword === "additionalProperties" ? `/${error.params["additionalProperty"]}` : ""}`,
        problem: error.keyword === "additionalProperties" ? "is unknown" : (error.message ?? "is not valid"),
      }));
  if ((secret !== "" && text.includes(secret)) || secretLike.test(text))
    problems.push({ path: "/metadata", problem: "holds what looks like a secret" });
  if (problems.length > 0) throw new AppError("METADATA_INVALID", "The metadata is not valid.", { fields: problems });
  return metadata;
}
