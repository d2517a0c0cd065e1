import pl, { type Expr } from "nodejs-polars";
import type { FocusModel } from "./columns.ts";
import type { Delivered } from "./header.ts";
import { textName } from "./text-names.ts";

/** A rule of FOCUS that a row breaks without making it unusable. */
export interface FocusRule {
  /** `focus_rule_<n>`, n of the list in the FOCUS reference. */
  code: string;
  column: string;
  /** True where the row breaks it. */
  mask: Expr;
}

type Rule = Omit<FocusRule, "code"> & { number: number; needs: readonly string[] };

const unitsOf = [
  ["PricingQuantity", "PricingUnit"],
  ["ConsumedQuantity", "ConsumedUnit"],
  ["CommitmentDiscountQuantity", "CommitmentDiscountUnit"],
] as const;

const withoutPrice = [
  "ListUnitPrice",
  "ContractedUnitPrice",
  "PricingCategory",
  "PricingQuantity",
  "SkuId",
  "SkuPriceId",
];
const pricingCurrencyPrices = ["PricingCurrencyListUnitPrice", "PricingCurrencyContractedUnitPrice"];

const pricesOf = [
  ["ListUnitPrice", "ListCost"],
  ["ContractedUnitPrice", "ContractedCost"],
] as const;

/** The second may only be there where the first is; `both`: the first wants the second too. */
const companions = [
  { of: "SubAccountId", is: "SubAccountName", both: true },
  { of: "SubAccountId", is: "SubAccountType", both: true },
  { of: "RegionId", is: "RegionName", both: true },
  { of: "ResourceId", is: "ResourceType", both: false },
  { of: "SkuId", is: "SkuMeter", both: false },
  { of: "SkuPriceId", is: "SkuPriceDetails", both: false },
] as const;

const tolerance = 1e-6;
const commitment = ["Name", "Type", "Category", "Status"].map((part) => `CommitmentDiscount${part}`);

/** Made once each: an expression costs a millisecond. */
const made = new Map<string, Expr>();

function once(name: string, make: () => Expr): Expr {
  const known = made.get(name) ?? make();
  made.set(name, known);
  return known;
}

const has = (column: string): Expr => once(`has ${column}`, () => pl.col(column).isNotNull());
const lacks = (column: string): Expr => once(`lacks ${column}`, () => pl.col(column).isNull());
const is = (column: string, value: string): Expr =>
  once(`${column} is ${value}`, () => pl.col(column).eq(pl.lit(value)).fillNull(false));
const isPriced = (): Expr =>
  once("priced", () => {
    const charged = is("ChargeCategory", "Usage").or(is("ChargeCategory", "Purchase"));
    return charged.and(is("ChargeClass", "Correction").not());
  });

/** The rules whose columns are delivered, over typed frames. A rule of a column that is not there says nothing. */
export function focusRules(delivered: Delivered, model: FocusModel): FocusRule[] {
  const all = [
    ...valueRules(model),
    ...chargeRules(),
    ...quantityRules(),
    ...priceRules(),
    ...commitmentRules(),
    ...companionRules(),
    ...categoryRules(model),
    ...objectRules(delivered, model),
  ];
  return all
    .filter((rule) => [rule.column, ...rule.needs].every((column) => delivered.places.has(column)))
    .map(({ number, column, mask }) => ({ code: `focus_rule_${number}`, column, mask }));
}

function valueRules(model: FocusModel): Rule[] {
  const listed = [...model.columns.values()].filter(({ name }) => name !== "ChargeCategory" && name !== "ChargeClass");
  const values = listed.flatMap(({ name: column, values: known }) =>
    known === undefined
      ? []
      : [
          {
            number: 2,
            column,
            needs: [],
            mask: has(column).and(
              pl
                .col(column)
                .isIn([...known])
                .not(),
            ),
          },
        ],
  );
  const mask = is("ChargeCategory", "Purchase").and(is("ChargeFrequency", "Usage-Based"));
  return [...values, { number: 2, column: "ChargeFrequency", needs: [], mask }];
}

function chargeRules(): Rule[] {
  const isTax = is("ChargeCategory", "Tax");
  const ofTax = [...withoutPrice, ...pricingCurrencyPrices].map((column) => ({
    number: 4,
    column,
    needs: [],
    mask: isTax.and(has(column)),
  }));
  const ofPriced = withoutPrice.map((column) => ({
    number: 5,
    column,
    needs: [],
    mask: isPriced().and(lacks(column)),
  }));
  const ofCredit = pricesOf.map(([price, cost]) => ({
    number: 9,
    column: cost,
    needs: [price],
    mask: is("ChargeCategory", "Credit")
      .and(lacks(price))
      .and(pl.col(cost).notEquals(pl.col("BilledCost"))),
  }));
  return [...ofTax, ...ofPriced, ...ofCredit];
}

function quantityRules(): Rule[] {
  const units = unitsOf.map(([quantity, unit]) => ({
    number: 6,
    column: unit,
    needs: [quantity],
    mask: lacks(quantity)
      .and(has(unit))
      .or(has(quantity).and(lacks(unit))),
  }));
  const isUnused = is("CommitmentDiscountStatus", "Unused");
  const isUsed = is("ChargeCategory", "Usage").and(isUnused.not());
  const isWrong = isUsed
    .not()
    .and(has("ConsumedQuantity"))
    .or(isUsed.and(is("ChargeClass", "Correction").not()).and(lacks("ConsumedQuantity")));
  return [...units, { number: 7, column: "ConsumedQuantity", needs: [], mask: isWrong }];
}

/** Floats are good enough here: this only compares, nothing that is stored comes of it. */
function priceRules(): Rule[] {
  const number = (column: string): Expr => pl.col(column).cast(pl.Float64);
  return pricesOf.flatMap(([price, cost]) => {
    const difference = number(price).mul(number("PricingQuantity")).minus(number(cost)).abs();
    const isOff = difference.gt(number(cost).abs().mul(pl.lit(tolerance)).plus(pl.lit(1e-12)));
    return [
      { number: 8, column: price, needs: [], mask: number(price).lt(pl.lit(0)) },
      {
        number: 8,
        column: cost,
        needs: [price, "PricingQuantity"],
        mask: isOff.and(is("ChargeClass", "Correction").not()),
      },
    ];
  });
}

function commitmentRules(): Rule[] {
  const id = "CommitmentDiscountId";
  const isUsage = is("ChargeCategory", "Usage");
  const parts = commitment.map((column) => ({ number: 13, column, needs: [id], mask: lacks(id).and(has(column)) }));
  const wanted = ["CommitmentDiscountType", "CommitmentDiscountCategory"].map((column) => ({
    number: 13,
    column,
    needs: [id],
    mask: has(id).and(lacks(column)),
  }));
  const status = "CapacityReservationStatus";
  const reservation = "CapacityReservationId";
  return [
    ...parts,
    ...wanted,
    {
      number: 13,
      column: "CommitmentDiscountStatus",
      needs: [id],
      mask: has(id).and(isUsage).and(lacks("CommitmentDiscountStatus")),
    },
    {
      number: 13,
      column: "CommitmentDiscountQuantity",
      needs: [id],
      mask: has("CommitmentDiscountQuantity").and(lacks(id).or(isUsage.or(is("ChargeCategory", "Purchase")).not())),
    },
    {
      number: 12,
      column: "PricingCategory",
      needs: [],
      mask: is("PricingCategory", "Committed").and(isUsage.not()).and(is("ChargeCategory", "Purchase")),
    },
    { number: 14, column: status, needs: [reservation], mask: lacks(reservation).and(has(status)) },
    { number: 14, column: status, needs: [reservation], mask: has(reservation).and(isUsage).and(lacks(status)) },
  ];
}

function companionRules(): Rule[] {
  return companions.map(({ of, is: column, both }) => {
    const alone = lacks(of).and(has(column));
    return { number: 15, column, needs: [of], mask: both ? alone.or(has(of).and(lacks(column))) : alone };
  });
}

function categoryRules(model: FocusModel): Rule[] {
  const pair = pl.concatString([pl.col("ServiceCategory"), pl.col("ServiceSubcategory")], "/");
  const isUnknown = pair.isIn([...model.subcategories]).not();
  const mask = has("ServiceCategory").and(has("ServiceSubcategory")).and(isUnknown);
  return [{ number: 16, column: "ServiceSubcategory", needs: ["ServiceCategory"], mask }];
}

/** Key-value columns hold one object of plain values; Tags that are no object refuse the file instead. */
function objectRules(delivered: Delivered, model: FocusModel): Rule[] {
  return [...model.columns.values()].flatMap(({ name: column, type }) => {
    const place = delivered.places.get(column);
    if (type !== "JSON" || place === undefined) return [];
    const isUnreadable = pl.col(textName(place)).isNotNull().and(lacks(column));
    const isNested = pl.col(column).str.contains('":[\\[{]').fillNull(false);
    const isPlain = ["Tags", "AllocatedTags", "SkuPriceDetails"].includes(column);
    return [{ number: 18, column, needs: [], mask: isPlain ? isUnreadable.or(isNested) : isUnreadable }];
  });
}
