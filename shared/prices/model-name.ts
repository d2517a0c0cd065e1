/** Region prefixes of Bedrock's inference profiles. */
const bedrockRegion = /^(?:us|eu|apac|global)\./;
const bedrockVersion = /-v\d+:\d+$/;
const dayOfSuffix = /^(\d{4})-?(\d{2})-?(\d{2})$/;

/**
 * A model name as it is compared: NFC, trimmed, lower case, without the prefixes that say only where it was called.
 * Source: `prices-and-plans.md` A4.
 */
export function normalisedModel(provider: string, name: string): string {
  let text = name.normalize("NFC").trim().toLowerCase();
  text = text.replace(/^publishers\/[^/]+\/models\//, "").replace(/^models\//, "");
  if (text.startsWith(`${provider}/`)) text = text.slice(provider.length + 1);
  if (provider !== "bedrock") return text;
  return text
    .replace(bedrockRegion, "")
    .replace(/^anthropic\./, "")
    .replace(bedrockVersion, "");
}

/** The name without one snapshot suffix, in the order in which the suffixes are tried; at most one per kind. */
export function withoutSnapshot(name: string): string[] {
  return suffixes.flatMap(({ pattern, isValid }) => {
    const match = pattern.exec(name);
    const suffix = match?.[1];
    if (match === null || match.index === 0 || (suffix !== undefined && !isValid(suffix))) return [];
    return [name.slice(0, match.index)];
  });
}

const suffixes: readonly { pattern: RegExp; isValid: (text: string) => boolean }[] = [
  { pattern: /-(\d{8})$/, isValid: isDate },
  { pattern: /-(\d{4}-\d{2}-\d{2})$/, isValid: isDate },
  { pattern: /@(\d{8})$/, isValid: isDate },
  { pattern: /-latest$/, isValid: () => true },
  { pattern: /-(00\d)$/, isValid: () => true },
  // 2000 has a 29 February: the year of a month and day alone is not known.
  { pattern: /-(\d{4})$/, isValid: (text) => isDate(`2000${text}`) },
];

function isDate(text: string): boolean {
  const [, year, month, day] = dayOfSuffix.exec(text) ?? [];
  if (year === undefined) return false;
  const iso = `${year}-${month}-${day}`;
  const instant = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(iso);
}
