const secretLike = [
  /-----BEGIN[^-]*-----[\s\S]*?(-----END[^-]*-----|$)/g,
  /\b(bearer|basic)\s+[\w.~+/=*-]+/gi,
  /\b(sk|rk|pk|key|crsr|ghp|ghs|gho|github_pat|xai|gsk|AIza|SG)[-_.][\w.*-]{6,}/g,
  /\bAIza[\w-]{10,}/g,
  /\bey[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
];

/**
 * A provider's own words, fit to be shown: one line, without the secret in any usual spelling, without anything that
 * looks like a key, at most `maxLength` characters.
 */
export function scrubbedText(text: string, secrets: readonly string[], maxLength: number): string {
  const spelled = secrets.filter((secret) => secret.length >= 4).flatMap(spellings);
  const withoutSecrets = spelled.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
  const withoutKeys = secretLike.reduce((rest, pattern) => rest.replace(pattern, "[key]"), withoutSecrets);
  const line = withoutKeys.replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, " ").trim();
  return [...line].length <= maxLength ? line : `${[...line].slice(0, maxLength - 3).join("")}...`;
}

function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = bytes.toString("base64");
  return [
    secret,
    encodeURIComponent(secret),
    base64,
    base64.replace(/=+$/, ""),
    bytes.toString("base64url"),
    bytes.toString("hex"),
  ];
}

/** The readable part of an error body: `error.message`, `error`, `message` or `detail`, with its code and parameter. */
export function errorWords(body: unknown): { message: string; code: string } {
  const outer = isRecord(body) ? body : {};
  const inner = isRecord(outer["error"]) ? outer["error"] : outer;
  const word = (value: unknown) => (typeof value === "string" ? value : "");
  const message = word(inner["message"]) || word(outer["error"]) || word(outer["detail"]);
  const param = word(inner["param"]);
  return {
    message: param && !message.includes(param) ? `${param}: ${message}` : message,
    code: [word(inner["code"]), word(inner["type"]), word(inner["status"])].filter(Boolean).join(" "),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
