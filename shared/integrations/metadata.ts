import type { ValidateFunction } from "ajv";
import type { ProviderEntry } from "#shared/providers/registry-schema.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";

/** Compiling a schema takes longer than the rest of a connection; an entry is one object while the process lives. */
const validators = new WeakMap<ProviderEntry, ValidateFunction>();

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
  const validate = await validatorOf(entry);
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

async function validatorOf(entry: ProviderEntry): Promise<ValidateFunction> {
  // A CommonJS package in a bundle has no names but `default`.
  const { default: ajv } = await import("ajv");
  const validate =
    validators.get(entry) ?? new ajv.Ajv({ allErrors: true, strict: false }).compile(entry.metadata_schema);
  validators.set(entry, validate);
  return validate;
}
