import { type Static, Type } from "@sinclair/typebox";
import { Errors } from "@sinclair/typebox/errors";
import { Check } from "@sinclair/typebox/value";
import { AppError } from "#shared/runtime/errors.ts";

const closed = { additionalProperties: false };

const LineItemFile = Type.Object(
  {
    tiers: Type.Array(Type.String({ pattern: "^[a-z_]+$" })),
    patterns: Type.Array(
      Type.Object(
        {
          pattern: Type.String({ minLength: 1, maxLength: 200 }),
          cost_type: Type.String({ pattern: "^[a-z]+$" }),
          token_type: Type.Optional(Type.String({ pattern: "^[a-z0-9_]+$" })),
          /** The usage meter that counts the same thing. */
          meter: Type.Optional(Type.String({ pattern: "^[a-z_]+$" })),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** What a display text of the Costs API stands for. */
export interface LineItem {
  costType: string;
  model: string | null;
  tokenType: string | null;
  tier: string | null;
  meter: string | null;
  isKnown: boolean;
}

export type LineItems = (text: string) => LineItem;

/** Reads the content of `configs/openai/line-items.yml`. Throws `CONFIG_FILE_INVALID` listing every fault. */
export function lineItems(content: unknown): LineItems {
  if (!Check(LineItemFile, content))
    throw invalid([...Errors(LineItemFile, content)].map(({ path, message }) => ({ path, problem: message })));
  const tiers = new Set(content.tiers);
  const patterns = content.patterns.map((entry, index) => ({
    ...entry,
    expression: expressionOf(entry.pattern, index),
  }));
  return (text) => {
    for (const { expression, cost_type, token_type = null, meter = null } of patterns) {
      const match = expression.exec(text);
      if (match)
        return { costType: cost_type, tokenType: token_type, meter, isKnown: true, ...modelOf(match[1], tiers) };
    }
    return { costType: "other", model: null, tokenType: null, tier: null, meter: null, isKnown: false };
  };
}

function modelOf(name: string | undefined, tiers: ReadonlySet<string>): Pick<LineItem, "model" | "tier"> {
  if (name === undefined) return { model: null, tier: null };
  const cut = name.lastIndexOf(" ");
  const last = name.slice(cut + 1).toLowerCase();
  return cut > 0 && tiers.has(last) ? { model: name.slice(0, cut).trimEnd(), tier: last } : { model: name, tier: null };
}

function expressionOf(pattern: Static<typeof LineItemFile>["patterns"][number]["pattern"], index: number): RegExp {
  try {
    return new RegExp(pattern, "isu");
  } catch (cause) {
    throw invalid([{ path: `/patterns/${index}/pattern`, problem: "not a regular expression" }], cause);
  }
}

function invalid(fields: { path: string; problem: string }[], cause?: unknown): AppError {
  return new AppError(
    "CONFIG_FILE_INVALID",
    `openai/line-items.yml is not usable: ${fields.map(({ path, problem }) => `${path}: ${problem}`).join("; ")}`,
    {
      fields,
      cause,
    },
  );
}
