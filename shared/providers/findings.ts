import type { Finding } from "./provider.ts";

/** Collects findings of one step: one per code and path, counted. */
export interface Findings {
  add(code: string, path: string, first: string): void;
  list(): Finding[];
}

const most = 200;
const longest = 200;

/** At most 200 findings with texts of at most 200 characters: a strange answer must not fill the run's document. */
export function findings(): Findings {
  const found = new Map<string, Finding>();
  return {
    add(code, path, first) {
      const key = `${code} ${path}`;
      const known = found.get(key);
      if (known) known.count += 1;
      else if (found.size < most)
        found.set(key, { code, path: path.slice(0, longest), count: 1, first: first.slice(0, longest) });
    },
    list: () => [...found.values()],
  };
}
