import type { TSchema } from "@sinclair/typebox";
import type { Ajv, ErrorObject, Options } from "ajv";

/** Tells whether a value fits its schema, filling in defaults where its way has them; else `errors` says what does not. */
export interface Validator {
  (value: unknown): boolean;
  errors?: ErrorObject[] | null;
}

/** Settings arrive as text and become what they stand for; requests and settings get their defaults, answers do not. */
export type Way = "settings" | "request" | "answer";

const options: Readonly<Record<Way, Options>> = {
  settings: { allErrors: true, coerceTypes: true, useDefaults: true },
  request: { allErrors: true, useDefaults: true, strict: false, strictNumbers: true },
  answer: { allErrors: true, strict: false, strictNumbers: true },
};

export type ValidatorSource = () => Promise<Validator>;

const compilers: Partial<Record<Way, Promise<Ajv>>> = {};
const built = new WeakMap<TSchema, Partial<Record<Way, ValidatorSource>>>();
const validators = new WeakMap<TSchema, Partial<Record<Way, Promise<Validator>>>>();

/** The validator of a schema, made at its first use: from the bundle where `useBuilt` named one, else by compiling it. */
export function validatorOf(schema: TSchema, way: Way): Promise<Validator> {
  const known = validators.get(schema) ?? {};
  validators.set(schema, known);
  known[way] ??= make(schema, way).catch((error: unknown) => {
    delete known[way];
    throw error;
  });
  return known[way];
}

function make(schema: TSchema, way: Way): Promise<Validator> {
  const fromBundle = built.get(schema)?.[way];
  return fromBundle === undefined ? compiled(schema, way) : fromBundle();
}

/** Names the validator that was compiled with the bundle, so that the process needs no compiler. */
export function useBuilt(schema: TSchema, way: Way, source: ValidatorSource): void {
  built.set(schema, { ...built.get(schema), [way]: source });
}

/** A compiler for schemas checked this way; `code` makes it keep the source of what it compiles. */
export async function compilerOf(way: Way, code: NonNullable<Options["code"]> = {}): Promise<Ajv> {
  // A CommonJS package in a bundle has no names but `default`.
  const [{ default: ajv }, { formats }] = await Promise.all([import("ajv"), import("./formats.ts")]);
  return new ajv.Ajv({ ...options[way], formats: { ...formats }, code });
}

async function compiled(schema: TSchema, way: Way): Promise<Validator> {
  compilers[way] ??= compilerOf(way);
  return (await compilers[way]).compile(schema);
}
