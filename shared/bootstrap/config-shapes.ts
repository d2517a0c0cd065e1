import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";

/** Called once per fault; the path is a JSON pointer. */
export type Report = (path: string, problem: string) => void;

const strict = { additionalProperties: false };

export const ConfigShape = Type.Object(
  {
    version: Type.Integer({ minimum: 1 }),
    dataset: Type.Object({ name: Type.String({ minLength: 1 }), description: Type.String({ minLength: 1 }) }, strict),
    tables: Type.Record(Type.String(), Type.Unknown()),
    extension_tables: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    views: Type.Optional(Type.Array(Type.String())),
  },
  strict,
);

// Words such as kind and type are plain text here: that they are allowed ones is a rule, reported beside the others.
export const TableShape = Type.Object(
  {
    description: Type.String(),
    kind: Type.String(),
    key: Type.Optional(Type.Array(Type.String())),
    partition: Type.Optional(
      Type.Object(
        {
          field: Type.String(),
          type: Type.String(),
          expiration_days: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
        },
        strict,
      ),
    ),
    clustering: Type.Array(Type.String()),
  },
  strict,
);

export const SchemaShape = Type.Array(
  Type.Object({ name: Type.String(), type: Type.String(), mode: Type.String(), description: Type.String() }, strict),
);

const ViewColumnShape = Type.Object(
  {
    name: Type.String(),
    from: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 })]),
    aggregate: Type.Optional(Type.Union([Type.Literal("count"), Type.Literal("min")])),
  },
  strict,
);

export const ViewShape = Type.Object(
  {
    description: Type.String({ minLength: 1 }),
    source: Type.String(),
    where: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Boolean()]))),
    columns: Type.Array(Type.Union([Type.String(), ViewColumnShape]), { minItems: 1 }),
  },
  strict,
);

export type TableShape = Static<typeof TableShape>;
export type ColumnShape = Static<typeof SchemaShape>[number];
export type ViewShape = Static<typeof ViewShape>;

/** The value if it has the shape, else undefined and every deviation reported below `path`. */
export function wellFormed<Shape extends TSchema>(
  shape: Shape,
  value: unknown,
  path: string,
  report: Report,
): Static<Shape> | undefined {
  if (Check(shape, value)) return value;
  const seen = new Set<string>();
  for (const error of Errors(shape, value)) {
    // A missing property is reported twice, as missing and as of the wrong type.
    if (!seen.has(error.path)) report(`${path}${error.path}`, error.message);
    seen.add(error.path);
  }
  return undefined;
}
