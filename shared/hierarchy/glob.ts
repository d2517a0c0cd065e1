/**
 * What tests a text against a glob: `*` any characters, `?` one. Time grows with the text alone: the pieces between the
 * stars are looked for from left to right, and no piece is ever looked for again before where the last one ended. Texts
 * are compared by character, not by UTF-16 half. Both sides are taken as they are: callers make them NFC.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const pieces = pattern.split("*");
  if (!pattern.includes("?")) return literalPieces(pieces);
  const [first = "", last = ""] = [pieces[0], pieces.at(-1)];
  if (pieces.length === 1) return (text) => fits(charsOf(text), charsOf(first), 0, true);
  const [start, end] = [charsOf(first), charsOf(last)];
  const middle = pieces
    .slice(1, -1)
    .filter((piece) => piece !== "")
    .map(charsOf);
  return (text) => {
    const chars = charsOf(text);
    if (chars.length < start.length + end.length || !fits(chars, start, 0, false)) return false;
    const limit = chars.length - end.length;
    if (!fits(chars, end, limit, false)) return false;
    let at = start.length;
    for (const piece of middle) {
      at = found(chars, piece, { from: at, to: limit });
      if (at === -1) return false;
    }
    return true;
  };
}

/** Without a `?` halves never matter: whole pieces are looked for. */
function literalPieces(pieces: readonly string[]): (text: string) => boolean {
  const [start = "", end = ""] = [pieces[0], pieces.at(-1)];
  const middle = pieces.slice(1, -1).filter((piece) => piece !== "");
  return (text) => {
    const limit = text.length - end.length;
    if (limit < start.length || !text.startsWith(start) || !text.endsWith(end)) return false;
    let at = start.length;
    for (const piece of middle) {
      const place = text.indexOf(piece, at);
      if (place === -1 || place + piece.length > limit) return false;
      at = place + piece.length;
    }
    return true;
  };
}

function charsOf(text: string): readonly string[] {
  return Array.from(text);
}

function fits(chars: readonly string[], piece: readonly string[], at: number, isWhole: boolean): boolean {
  if (isWhole && chars.length !== piece.length) return false;
  return piece.every((char, index) => char === "?" || char === chars[at + index]);
}

/** Where the first place of the piece ends; -1 when it has none. */
function found(chars: readonly string[], piece: readonly string[], { from, to }: { from: number; to: number }): number {
  for (let at = from; at + piece.length <= to; at++) {
    if (fits(chars, piece, at, false)) return at + piece.length;
  }
  return -1;
}

/** How much of a glob stands before its first wildcard: of two that fit, the longer says more. */
export function literalPrefix(pattern: string): number {
  const wildcard = pattern.search(/[*?]/);
  return wildcard === -1 ? pattern.length : wildcard;
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}
