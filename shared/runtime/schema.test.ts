import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AppError, isAppError } from "./errors.ts";
import { choice, nullable, plainText, strictObject, validBody, validQuery } from "./schema.ts";

const Setup = strictObject({
  credential: Type.String({ alsoAs: ["api_key", "token"] }),
  name: Type.Optional(plainText(1, 20)),
  mode: Type.Optional(choice(["prod", "Staging"], { alsoAs: ["environment"] })),
  items: Type.Optional(
    Type.Array(strictObject({ kind: choice(["A", "b"]), size: Type.Integer({ alsoAs: ["length"] }) })),
  ),
  limit: Type.Integer({ default: 50 }),
});

const Query = strictObject({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  share: Type.Optional(Type.Number()),
  all: Type.Optional(Type.Boolean()),
  status: Type.Optional(choice(["OPEN", "CLOSED"], { alsoAs: ["status_filter"] })),
  days: Type.Optional(Type.Array(Type.Integer(), { alsoAs: ["day"] })),
  until: Type.Optional(nullable(Type.Integer())),
});

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error: unknown = await promise.then(
    () => new Error("was taken"),
    (thrown: unknown) => thrown,
  );
  if (isAppError(error)) return error;
  throw error;
}

const paths = ({ fields }: AppError): string[] => fields.map(({ path }) => path).sort();

describe("older names (alsoAs)", () => {
  it("are taken for the present one, deep inside too", async () => {
    const body = { api_key: "k", items: [{ kind: "a", length: 3 }] };

    expect(await validBody(Setup, body)).toEqual({ credential: "k", items: [{ kind: "A", size: 3 }], limit: 50 });
  });

  it("are refused when they contradict the present one, and taken when they repeat it", async () => {
    const contradicting = await refusal(validBody(Setup, { credential: "k", token: "other" }));

    expect([contradicting.code, paths(contradicting)]).toEqual(["INVALID_BODY", ["/token"]]);
    expect(await validBody(Setup, { credential: "k", token: "k", api_key: "k" })).toMatchObject({ credential: "k" });
  });

  it("leave the caller's own object as it was", async () => {
    const body = Object.freeze({ api_key: "k", mode: "PROD" });

    await validBody(Setup, body);

    expect(body).toEqual({ api_key: "k", mode: "PROD" });
  });
});

describe("enumerations (anyCase)", () => {
  it.each([
    ["prod", "prod"],
    ["PROD", "prod"],
    ["STAGING", "Staging"],
  ])("take %s as %s", async (sent, taken) => {
    expect(await validBody(Setup, { credential: "k", mode: sent })).toMatchObject({ mode: taken });
    expect(await validBody(Setup, { credential: "k", environment: sent })).toMatchObject({ mode: taken });
  });

  it.each(["", "test", "__proto__", "prod ", "ｐｒｏｄ"])("refuse %j and say what they take", async (mode) => {
    const { fields } = await refusal(validBody(Setup, { credential: "k", mode }));

    expect(fields).toEqual([{ path: "/mode", problem: "must be one of prod, Staging" }]);
  });
});

describe("a body", () => {
  it("is refused with every problem at once", async () => {
    const body = { name: "", mode: "x", items: [{ kind: "c", size: 1.5, more: 1 }], limit: "5", unknown: 1 };

    const error = await refusal(validBody(Setup, body));

    const expected = [
      "/credential",
      "/items/0/kind",
      "/items/0/more",
      "/items/0/size",
      "/limit",
      "/mode",
      "/name",
      "/unknown",
    ];
    expect(paths(error)).toEqual(expected);
  });

  it.each(['{"limit":1e400}', '{"limit":-1e400}', '{"limit":1.5}'])("is refused with %s", async (text) => {
    const body = { credential: "k", ...(JSON.parse(text) as object) };

    expect(paths(await refusal(validBody(Setup, body)))).toContain("/limit");
  });

  it.each(["a\0", "\ud800", "\udc00x"])("is refused with the text %j, wherever it stands", async (text) => {
    const Anything = Type.Object({}, { additionalProperties: Type.Unknown() });

    for (const body of [{ a: text }, { a: [{ b: text }] }, { [text]: 1 }])
      expect((await refusal(validBody(Anything, body))).code).toBe("INVALID_BODY");
  });

  it("is refused with a number beyond every range, wherever it stands", async () => {
    const Anything = Type.Object({}, { additionalProperties: Type.Unknown() });

    expect(paths(await refusal(validBody(Anything, { a: { b: [JSON.parse("1e999")] } })))).toEqual(["/a/b/0"]);
  });

  it("never changes the prototype of anything, whatever its members are called", async () => {
    const name = fc.constantFrom("__proto__", "constructor", "prototype", "toString", "credential", "items");
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.jsonValue()), async (body) => {
        await validBody(Setup, JSON.parse(JSON.stringify(body))).catch(() => {});
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(Reflect.get({}, "isAdmin")).toBeUndefined();
      }),
    );
  });
});

describe("names of people and things", () => {
  it.each(["Zoë", "شركة", "👩‍👩‍👧‍👦", "a\u200db", "x".repeat(20)])("take %j as it is", async (name) => {
    expect(await validBody(Setup, { credential: "k", name })).toMatchObject({ name });
  });

  it.each(["a\nb", "\u0007", "\u009f", "\u202eabc", "\u2066abc", "\u007f"])("refuse %j", async (name) => {
    const { fields } = await refusal(validBody(Setup, { credential: "k", name }));

    expect(fields).toEqual([{ path: "/name", problem: "must not hold control characters" }]);
  });
});

describe("a query", () => {
  const read = (text: string) => validQuery(Query, new URLSearchParams(text));

  it.each([
    ["limit=5", { limit: 5 }],
    ["share=-1.25&all=true", { share: -1.25, all: true }],
    ["all=false", { all: false }],
    ["status_filter=open", { status: "OPEN" }],
    ["days=1,2&day=3", undefined],
    ["days=1,2&days=3", { days: [1, 2, 3] }],
    ["day=1", { days: [1] }],
    ["days=", {}],
    ["until=7", { until: 7 }],
    ["", {}],
  ])("reads %s", async (text, expected) => {
    if (expected === undefined) expect(paths(await refusal(read(text)))).toEqual(["/day"]);
    else expect({ ...(await read(text)) }).toEqual(expected);
  });

  it.each(["5 ", "0x10", "1e2", "1.0", "", "Infinity", "+5", "9999999999999999", "null", "true"])(
    "refuses %j as a whole number",
    async (value) => {
      const error = await refusal(read(`limit=${encodeURIComponent(value)}`));

      expect([error.code, ...new Set(paths(error))]).toEqual(["INVALID_PARAMETER", "/limit"]);
    },
  );

  it.each(["TRUE", "1", "yes", ""])("refuses %j as a boolean", async (value) => {
    expect(paths(await refusal(read(`all=${value}`)))).toEqual(["/all"]);
  });

  it("refuses a parameter given twice, and an unknown one", async () => {
    expect(paths(await refusal(read("limit=1&limit=1&x=1&__proto__=1")))).toEqual(["/__proto__", "/limit", "/x"]);
  });
});
