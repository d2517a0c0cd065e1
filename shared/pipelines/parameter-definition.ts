import { type Static, Type } from "@sinclair/typebox";
import { choice, strictObject } from "#shared/runtime/schema.ts";

const value = Type.Union([Type.String({ maxLength: 500 }), Type.Number(), Type.Boolean()]);

/** What a pipeline's file says of one of its parameters (`pipelines.md` 1). */
export const ParameterDefinition = strictObject({
  type: choice(["string", "integer", "boolean", "date", "enum"]),
  default: Type.Optional(value),
  min: Type.Optional(Type.Integer()),
  max: Type.Optional(Type.Integer()),
  values: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { minItems: 1, maxItems: 100 })),
  pattern: Type.Optional(Type.String({ maxLength: 200 })),
  max_length: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  description: Type.Optional(Type.String({ maxLength: 200 })),
});
export type ParameterDefinition = Static<typeof ParameterDefinition>;
