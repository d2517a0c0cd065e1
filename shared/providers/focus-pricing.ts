import { type Decimal, parseAmount, roundAmount } from "#shared/money/amount.ts";

/** A quantity in one of our units, and where it comes from. */
export interface StatedQuantity {
  value: Decimal;
  unit: string;
  basis: "reported" | "usage_join";
}

/** Quantities and the one unit price of a charge of usage, as FOCUS states them. */
export interface FocusPricing {
  pricingQuantity: Decimal;
  pricingUnit: string;
  unitPrice: Decimal;
  consumedQuantity: Decimal;
  consumedUnit: string;
  basis: "reported" | "usage_join" | "charge";
  isImputed: boolean;
}

const million = parseAmount("1000000");
const one = parseAmount("1");
const tolerance = parseAmount("0.000001");

const focusUnits: Readonly<Record<string, string>> = {
  tokens: "Tokens",
  requests: "Requests",
  sessions: "Sessions",
  images: "Images",
  characters: "Characters",
  seconds: "Seconds",
  bytes: "B",
  gibibyte_hours: "GiB-Hours",
};

/**
 * Tokens are priced per million, everything else in its own unit, and a charge without a quantity as one charge. `amount`
 * is rounded and not negative. Source: `provider-adapters.md` 3.12, `focus.md` rules 5-8.
 */
export function focusPricing(amount: Decimal, quantity: StatedQuantity | null): FocusPricing {
  const value = quantity && roundAmount(quantity.value);
  if (!quantity || !value?.greaterThan(0))
    return { ...perCharge(amount), consumedQuantity: one, consumedUnit: "Charges", basis: "charge" };
  const isTokens = quantity.unit === "tokens";
  const consumed = {
    consumedQuantity: value,
    consumedUnit: focusUnits[quantity.unit] ?? quantity.unit,
    basis: quantity.basis,
  };
  const pricingQuantity = isTokens ? roundAmount(value.dividedBy(million)) : value;
  const unitPrice = pricingQuantity.isZero() ? null : roundAmount(amount.dividedBy(pricingQuantity));
  // Twelve decimals cannot hold every unit price; a price per charge always can be held.
  if (!unitPrice || !isPriceOf(amount, unitPrice, pricingQuantity)) return { ...perCharge(amount), ...consumed };
  return {
    ...consumed,
    pricingQuantity,
    pricingUnit: isTokens ? "1000000 Tokens" : consumed.consumedUnit,
    unitPrice,
    isImputed: false,
  };
}

function perCharge(amount: Decimal): Pick<FocusPricing, "pricingQuantity" | "pricingUnit" | "unitPrice" | "isImputed"> {
  return { pricingQuantity: one, pricingUnit: "Charges", unitPrice: amount, isImputed: true };
}

function isPriceOf(amount: Decimal, unitPrice: Decimal, quantity: Decimal): boolean {
  return unitPrice.times(quantity).minus(amount).abs().lessThanOrEqualTo(amount.abs().times(tolerance));
}
