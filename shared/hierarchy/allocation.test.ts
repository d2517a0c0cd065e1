import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAmount } from "#shared/money/amount.ts";
import { allocator, type Step } from "./allocate.ts";
import { allocated, dividedText, testInput, testKey, testRule, testTree } from "./allocation.fixture.ts";
import type { AllocationRule, RuleAction } from "./allocation-rule.ts";
import { globMatcher } from "./glob.ts";
import { spreadShares } from "./rule-action.ts";
import { divided, mergedShares, shareOf, unitsOf, wholeWeights } from "./shares.ts";
import type { UsageWeight } from "./usage-share.ts";

const flat = testTree(["A", "B", "C", "D", "E", "F", "G"].map((id) => [id, null] as const));

function weighted(weights: Record<string, string>) {
  const whole = wholeWeights(Object.values(weights).map(parseAmount));
  return mergedShares(Object.keys(weights).map((id, at) => shareOf(id, whole[at] ?? 0n)));
}

describe("golden vectors of hierarchy.md 2.6", () => {
  it.each([
    [
      "#1",
      "100",
      { A: "33.333333", B: "33.333333", C: "33.333334" },
      { A: "33.333333", B: "33.333333", C: "33.333334" },
    ],
    ["#2", "10", { A: "1", B: "1", C: "1" }, { A: "3.333333333334", B: "3.333333333333", C: "3.333333333333" }],
    [
      "#2 negative",
      "-10",
      { A: "1", B: "1", C: "1" },
      { A: "-3.333333333334", B: "-3.333333333333", C: "-3.333333333333" },
    ],
    ["#3", "0.000000000001", { A: "50", B: "50" }, { A: "0.000000000001", B: "0" }],
    [
      "#4",
      "9.99",
      { A: "1", B: "1", C: "1", D: "1", E: "1", F: "1", G: "1" },
      {
        ...{ A: "1.427142857143", B: "1.427142857143", C: "1.427142857143" },
        ...{ D: "1.427142857143", E: "1.427142857143", F: "1.427142857143", G: "1.427142857142" },
      },
    ],
    [
      "#5",
      "99999999999999.999999999999",
      { A: "1", B: "2" },
      { A: "33333333333333.333333333333", B: "66666666666666.666666666666" },
    ],
    ["#9", "250", { A: "3", B: "5", C: "7" }, { A: "50", B: "83.333333333333", C: "116.666666666667" }],
  ])("%s: %s over the weights", (_number, amount, weights, parts) => {
    expect(dividedText(amount, weighted(weights as Record<string, string>))).toEqual(parts);
  });

  const usage: UsageWeight[] = [
    ["K1", "2.5"],
    ["K2", "1.5"],
    ["K3", "1.0"],
  ].map(([value = "", cost = "0"]) => ({
    value,
    cost: parseAmount(cost),
    tokens: parseAmount("1"),
    requests: parseAmount("1"),
  }));
  const share = testRule("R", {
    type: "usage_share",
    by: "api_key_id",
    map: [
      { value: "K1", entity_id: "A" },
      { value: "K2", entity_id: "B" },
    ],
  });
  const bill = [{ key: testKey({ provider: "openai" }), amount: "37.41" }];

  it("#6: a bill by usage, an unmapped key keeps its share as nobody's", () => {
    const input = testInput({ tree: flat, rules: [share], usageOf: () => usage });

    expect(allocated(bill, input)).toEqual({ A: "18.705", B: "11.223", UNALLOCATED: "7.482" });
    expect(allocator(input)(testKey({}))).toMatchObject({
      method: "usage_share",
      shares: [{}, {}, { reason: "unmapped_usage" }],
    });
  });

  it("#7: the same on a day without usage is nobody's", () => {
    const input = testInput({ tree: flat, rules: [share], usageOf: () => [] });

    expect(allocated(bill, input)).toEqual({ UNALLOCATED: "37.41" });
    expect(allocator(input)(testKey({}))).toMatchObject({ shares: [{ reason: "no_usage" }] });
  });

  it("one unpriced value makes the whole group weigh by tokens, and the step says so", () => {
    const [first, ...others] = usage;
    const unpriced = [{ ...(first as UsageWeight), cost: null }, ...others];

    const input = testInput({ tree: flat, rules: [share], usageOf: () => unpriced });

    expect(allocated(bill, input)).toEqual({ A: "12.47", B: "12.47", UNALLOCATED: "12.47" });
    const told = (of: typeof input): string[] => {
      const steps: string[] = [];
      allocator(of)(testKey({}), ({ why }) => steps.push(why));
      return steps;
    };
    expect(told(input)).toEqual(["by tokens of the usage of the day, since its cost is not known whole or is 0"]);
    expect(told(testInput({ ...input, usageOf: () => usage }))).toEqual(["by cost of the usage of the day"]);
  });

  it("#8: a spread by direct cost; without cost nobody's", () => {
    const over = { targets: ["A", "B", "C"], weight: "direct_cost" as const };
    const weights = new Map([
      ["A", parseAmount("30")],
      ["B", parseAmount("60")],
      ["C", parseAmount("-1")],
    ]);

    expect(dividedText("90", spreadShares(over, weights))).toEqual({ A: "30", B: "60" });
    const nobodys = spreadShares({ ...over, targets: ["C", "D"] }, weights);
    expect(nobodys).toMatchObject([{ entityId: "UNALLOCATED", reason: "no_weights" }]);
    expect(dividedText("90", nobodys)).toEqual({ UNALLOCATED: "90" });
  });

  it("#10: a split below 100 leaves the rest to nobody", () => {
    const rule = testRule("R", {
      type: "split",
      targets: [
        { entity_id: "A", percent: 60 },
        { entity_id: "B", percent: "30" },
      ],
    });

    const input = testInput({ tree: flat, rules: [rule] });

    expect(allocated([{ key: testKey({}), amount: "100" }], input)).toEqual({ A: "60", B: "30", UNALLOCATED: "10" });
  });
});

describe("the scenario of hierarchy.md 2.6", () => {
  const structure = (projectParent: string) =>
    testTree([
      ["DEPT-ENG", null],
      ["DEPT-OPS", null],
      ["PROJ-CHAT", projectParent],
      ["PROJ-IT", "DEPT-OPS"],
      ["TEAM-ML", "PROJ-CHAT"],
      ["TEAM-WEB", "PROJ-CHAT"],
    ]);
  const rules: AllocationRule[] = [
    testRule(
      "R1",
      { type: "assign", entity_id: "TEAM-ML" },
      { match: { providers: ["openai"], sub_account_ids: ["proj_chat"] } },
    ),
    testRule(
      "R2",
      { type: "assign", entity_from: { tag: "team", map: [{ value: "web", entity_id: "TEAM-WEB" }], match_ids: true } },
      { priority: 20 },
    ),
    testRule(
      "R3",
      { type: "spread", over: ["DEPT-ENG", "DEPT-OPS"], weight: "direct_cost", period: "month" },
      { priority: 30, match: { providers: ["gcp"], service_names: ["Support"] } },
    ),
  ];
  const openai = (key: object) => testKey({ provider: "openai", credentialId: "c1", ...key });
  const rows = [
    { key: openai({ subAccountId: "proj_chat" }), amount: "10" },
    { key: openai({ subAccountId: "proj_x", tags: { team: "web" } }), amount: "5" },
    { key: openai({ subAccountId: "proj_x", tags: { team: "zzz" } }), amount: "2" },
    { key: openai({ subAccountId: "proj_x", chargeCategory: "Credit" }), amount: "-1" },
    { key: testKey({ provider: "gcp", serviceName: "Compute" }), amount: "3" },
    { key: testKey({ provider: "slack", subscriptionId: "sub_1" }), amount: "2" },
    { key: testKey({ provider: "gcp", serviceName: "Support" }), amount: "9" },
  ];
  const input = (tree: ReturnType<typeof structure>) =>
    testInput({
      tree,
      rules,
      planEntities: new Map([["sub_1", "PROJ-IT"]]),
      credentialDefaults: new Map([["c1", "PROJ-CHAT"]]),
    });

  it("every row reaches its entity", () => {
    expect(allocated(rows, input(structure("DEPT-ENG")))).toEqual({
      "TEAM-ML": "10",
      "TEAM-WEB": "5",
      "PROJ-CHAT": "1",
      "PROJ-IT": "2",
      UNALLOCATED: "3",
      "DEPT-ENG": "8",
      "DEPT-OPS": "1",
    });
  });

  it("after a move the spread follows the new structure", () => {
    expect(allocated(rows, input(structure("DEPT-OPS")))).toMatchObject({ "DEPT-OPS": "9", UNALLOCATED: "3" });
  });

  it("what an ended team's map named goes on to the credential's default", () => {
    const tree = structure("DEPT-ENG");
    const nodes = new Map([...tree.nodes].filter(([id]) => id !== "TEAM-WEB"));

    expect(allocated(rows, input({ ...tree, nodes }))["PROJ-CHAT"]).toBe("6");
  });

  it("an ended entity of a plan or of a credential swallows nothing: its cost goes on to the next step", () => {
    const tree = structure("DEPT-ENG");
    const without = (...ids: string[]) =>
      input({ ...tree, nodes: new Map([...tree.nodes].filter(([id]) => !ids.includes(id))) });
    const plan = testKey({ provider: "slack", subscriptionId: "sub_1", tags: { team: "TEAM-ML" } });

    expect(allocator(without("PROJ-IT"))(plan)).toMatchObject({ method: "rule", shares: [{ entityId: "TEAM-ML" }] });
    expect(allocator(without("PROJ-CHAT"))(openai({}))).toMatchObject({
      method: "unallocated",
      shares: [{ entityId: "UNALLOCATED", reason: "entity_deleted" }],
    });
  });

  it("explain tells each step that was tried", () => {
    const steps: Step[] = [];

    allocator(input(structure("DEPT-ENG")))(rows[2]?.key ?? testKey({}), (step) => steps.push(step));

    expect(steps.map(({ step, ruleId, result }) => [step, ruleId, result])).toEqual([
      ["rule", "R1", "passed"],
      ["rule", "R2", "passed"],
      ["rule", "R3", "passed"],
      ["tag", null, "passed"],
      ["credential", null, "taken"],
    ]);
  });
});

describe("matching", () => {
  const to = (match: AllocationRule["match"], options: Partial<AllocationRule> = {}) =>
    allocator(
      testInput({ tree: flat, rules: [testRule("R", { type: "assign", entity_id: "A" }, { match, ...options })] }),
    );
  const reaches = (match: AllocationRule["match"], key: Parameters<typeof testKey>[0], options = {}) =>
    to(match, options)(testKey(key)).kind === "shares" &&
    JSON.stringify(to(match, options)(testKey(key)), bigint).includes('"A"');
  const bigint = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

  it.each<[string, AllocationRule["match"], Parameters<typeof testKey>[0], boolean]>([
    ["an exact value", { models: ["gpt-4o"] }, { model: "gpt-4o" }, true],
    ["a glob", { models: ["gpt-*"] }, { model: "gpt-4o" }, true],
    ["case", { models: ["GPT-*"] }, { model: "gpt-4o" }, false],
    ["a null column, even by a star", { models: ["*"] }, {}, false],
    ["all conditions", { models: ["gpt-*"], regions: ["eu"] }, { model: "gpt-4o", region: "us" }, false],
    ["an absent tag", { tags: [{ key: "team", op: "absent", ignore_case: false }] }, {}, true],
    ["a tag that exists", { tags: [{ key: "team", op: "exists", ignore_case: false }] }, { tags: { team: "" } }, true],
    [
      "a tag without case",
      { tags: [{ key: "t", op: "in", values: ["WEB"], ignore_case: true }] },
      { tags: { t: "web" } },
      true,
    ],
    [
      "a star in eq as a star",
      { tags: [{ key: "t", op: "eq", values: ["w*"], ignore_case: false }] },
      { tags: { t: "web" } },
      false,
    ],
    [
      "accents however written",
      { service_names: ["Caf\u00e9*"] },
      { serviceName: "Cafe\u0301 1".normalize("NFC") },
      true,
    ],
    [
      "a tag named like a prototype's member",
      { tags: [{ key: "constructor", op: "exists", ignore_case: false }] },
      {},
      false,
    ],
  ])("%s", (_what, match, key, expected) => {
    expect(reaches(match, key)).toBe(expected);
  });

  it("a rule holds on both of its days and on no other", () => {
    const options = { effectiveFrom: "2028-02-29", effectiveTo: "2028-03-01" };

    const days = ["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"].map((day) => reaches({}, { day }, options));

    expect(days).toEqual([false, true, true, false]);
  });

  it("equal priorities go by rule id, whatever the order of the list", () => {
    const rules = ["r3", "r1", "r2"].map((id, at) =>
      testRule(id, { type: "assign", entity_id: ["C", "A", "B"][at] ?? "" }),
    );

    for (const list of [rules, [...rules].reverse()])
      expect(allocator(testInput({ tree: flat, rules: list }))(testKey({}))).toMatchObject({ ruleId: "r1" });
  });

  it("only a rule that overrides stands above the row's own entity", () => {
    const planEntities = new Map([["sub", "B"]]);
    const at = (overridesExplicit: boolean) =>
      allocator(
        testInput({
          tree: flat,
          planEntities,
          rules: [testRule("R", { type: "assign", entity_id: "A" }, { overridesExplicit })],
        }),
      )(testKey({ subscriptionId: "sub" }));

    expect(at(false)).toMatchObject({ method: "explicit", shares: [{ entityId: "B" }] });
    expect(at(true)).toMatchObject({ method: "rule", shares: [{ entityId: "A" }] });
  });
});

describe("globs", () => {
  it("mean what a slow matcher means", () => {
    const alphabet = fc.constantFrom("a", "b", "*", "?", "🚀");
    const slow = (pattern: string[], text: string[]): boolean => {
      const [first, ...rest] = pattern;
      if (first === undefined) return text.length === 0;
      if (first === "*") return slow(rest, text) || (text.length > 0 && slow(pattern, text.slice(1)));
      return text.length > 0 && (first === "?" || first === text[0]) && slow(rest, text.slice(1));
    };
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 7 }), fc.array(alphabet, { maxLength: 8 }), (pattern, text) => {
        expect(globMatcher(pattern.join(""))(text.join(""))).toBe(slow(pattern, text));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([".*", "^gpt", "gpt-4.", "[a-z]*", "(gpt|o1)*", "/gpt/", "gpt-4o$", "gpt\\-4o"])(
    "%s is no regular expression: it means the characters it has",
    (pattern) => {
      expect(["gpt-4o", "gpt-4"].map(globMatcher(pattern))).toEqual([false, false]);
      expect(globMatcher(pattern)(pattern)).toBe(true);
    },
  );

  const corpus = [`${"*a".repeat(50)}*b`, "*".repeat(50), "*\u0430*", `${"a?".repeat(25)}*b`];

  it("answer 100,000 rows of long texts against fifty stars in a few times what plain values take", () => {
    const texts = Array.from({ length: 100 }, (_, at) => `${"a".repeat(10_240 - at)}\u00e4\u{1f680}`);
    const keys = texts.map((chargeDescription) => testKey({ chargeDescription, model: "y" }));
    const seconds = (charge_descriptions: string[]): number => {
      const rule = testRule("R", { type: "assign", entity_id: "A" }, { match: { charge_descriptions, models: ["x"] } });
      const assign = allocator(testInput({ tree: flat, rules: [rule] }));
      const startedAt = performance.now();
      for (let row = 0; row < 100_000; row++) assign(keys[row % keys.length] ?? testKey({}));
      return performance.now() - startedAt;
    };
    const fastest = (values: string[]) => Math.min(...[1, 2, 3].map(() => seconds(values)));

    fastest(["warm*"]);
    expect(fastest(corpus) / fastest(["a".repeat(256)])).toBeLessThan(8);
  });

  it.each([...corpus, `${"*a?".repeat(50)}b`])("%s takes time that grows with the text alone", (pattern) => {
    const matches = globMatcher(pattern);
    const time = (length: number): number => {
      const text = "a".repeat(length);
      const startedAt = performance.now();
      for (let count = 0; count < 20; count++) matches(text);
      return performance.now() - startedAt;
    };
    const fastest = (length: number) => Math.min(...[1, 2, 3, 4].map(() => time(length)));

    fastest(4_000);
    // Four times the text; a matcher that tries again takes sixteen times as long, or never ends.
    expect(fastest(40_000) / Math.max(fastest(10_000), 0.2)).toBeLessThan(12);
  });
});

describe("H1: nothing is lost or invented", () => {
  it("parts sum to the amount, have its sign, and follow the weights to a unit", () => {
    const amount = fc.bigInt({ min: -(10n ** 27n), max: 10n ** 27n });
    const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 20n }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(amount, weights, (units, list) => {
        const shares = mergedShares(list.map((weight, at) => shareOf(`E${at}`, weight)));
        fc.pre(shares.length > 0);
        const parts = divided(units, shares);
        const total = shares.reduce((sum, { weight }) => sum + weight, 0n);

        expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(units);
        for (const [at, part] of parts.entries()) {
          const exact = units * (shares[at]?.weight ?? 0n);
          const distance = part * total - exact;
          expect(distance < total && -distance < total).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it("any rows under any rules in any tree sum to the total without allocation, by day and currency", () => {
    const ids = ["A", "B", "C", "D", "GONE"];
    // Each entity lies below one before it, or at the top where that one is a leaf.
    const tree = fc.tuple(...[1, 2, 3].map((before) => fc.nat({ max: before }))).map((parents) => {
      const levels = [1];
      const pairs = parents.map((parent, at): [string, string | null] => {
        const isTop = parent === 0 || (levels[parent - 1] ?? 3) > 2;
        levels.push(isTop ? 1 : (levels[parent - 1] ?? 0) + 1);
        return [ids[at + 1] ?? "", isTop ? null : (ids[parent - 1] ?? null)];
      });
      return testTree([["A", null], ...pairs]);
    });
    const entity = fc.constantFrom(...ids);
    const percent = fc.integer({ min: 1, max: 33_333_333 }).map((parts) => String(parts / 1e6));
    const action: fc.Arbitrary<RuleAction> = fc.oneof(
      entity.map((entity_id) => ({ type: "assign" as const, entity_id })),
      fc
        .uniqueArray(fc.tuple(entity, percent), { minLength: 1, maxLength: 3, selector: ([id]) => id })
        .map((targets) => ({
          type: "split" as const,
          targets: targets.map(([entity_id, each]) => ({ entity_id, percent: each })),
        })),
      fc.constantFrom("even" as const, "direct_cost" as const).map((weight) => ({
        type: "spread" as const,
        over: ["A", "B", "GONE"],
        weight,
      })),
      fc.constant({ type: "usage_share" as const, map: [{ value: "K*", entity_id: "C" }] } as RuleAction),
    );
    const provider = fc.constantFrom("openai", "gcp", "slack");
    const rule = fc.record({ action, provider, priority: fc.integer({ min: 1, max: 3 }), overrides: fc.boolean() });
    const row = fc.record({
      provider,
      units: fc.oneof(fc.bigInt({ min: -(10n ** 26n), max: 10n ** 26n }), fc.bigInt({ min: -9n, max: 9n })),
      day: fc.constantFrom("2026-08-01", "2026-08-02"),
      currency: fc.constantFrom("USD", "EUR", "JPY"),
      credentialId: fc.constantFrom("c1", "c2", null),
      subscriptionId: fc.constantFrom("s1", null),
      team: fc.constantFrom("a", "GONE", "zzz"),
    });
    const usage = [{ value: "K1", cost: null, tokens: parseAmount("3"), requests: parseAmount("1") }];
    fc.assert(
      fc.property(tree, fc.array(rule, { maxLength: 5 }), fc.array(row, { maxLength: 8 }), (grown, rules, rows) => {
        const input = testInput({
          tree: grown,
          rules: rules.map((each, at) =>
            testRule(`R${at}`, each.action, {
              priority: each.priority,
              overridesExplicit: each.overrides,
              match: { providers: [each.provider] },
            }),
          ),
          planEntities: new Map([["s1", "D"]]),
          credentialDefaults: new Map([["c1", "GONE"]]),
          usageOf: () => usage,
        });
        const periodOf = ({ day, currency }: (typeof rows)[number]): string => `${day} ${currency}`;
        for (const period of new Set(rows.map(periodOf))) {
          const some = rows.filter((each) => periodOf(each) === period);
          const keyed = some.map(({ units, team, currency: _currency, ...key }) => ({
            key: testKey({ ...key, tags: { team } }),
            amount: parseAmount(`${units}e-12`).toFixed(),
          }));

          const parts = Object.values(allocated(keyed, input));

          const sum = parts.reduce((all, part) => all + unitsOf(parseAmount(part)), 0n);
          expect(sum).toBe(some.reduce((all, { units }) => all + units, 0n));
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
