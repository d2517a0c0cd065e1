/** Texts under which a secret may hide: as it is, backwards, in hex, percent-encoded, and in base64 at any offset. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, "utf8");
  const hex = bytes.toString("hex");
  const percent = hex.replace(/../g, "%$&");
  const base64 = [0, 1, 2].flatMap((offset) => {
    // The first and last characters of an encoding also depend on what stands around the secret.
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const inner = text.slice(offset === 0 ? 0 : offset + 1, -1);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const reversed = [...secret].reverse().join("");
  return [
    secret,
    reversed,
    hex,
    hex.toUpperCase(),
    percent,
    percent.toUpperCase(),
    encodeURIComponent(secret),
    ...base64,
  ];
}

/** Names of the places whose bytes hold one of the secrets in any form, with the secret's own name. */
export function placesHolding(
  secrets: Readonly<Record<string, string>>,
  places: ReadonlyMap<string, Buffer>,
): string[] {
  const needles = Object.entries(secrets).map(([name, secret]) => ({ name, forms: [...new Set(formsOf(secret))] }));
  return [...places].flatMap(([place, bytes]) =>
    needles.filter(({ forms }) => forms.some((form) => bytes.includes(form))).map(({ name }) => `${name} in ${place}`),
  );
}
