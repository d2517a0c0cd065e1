import type { TextFault } from "./strict-yaml.ts";

const maxBytes = 64 * 1024;
const word = /^[!-~]{1,200}$/;

/**
 * The words of a text, one on a line, or all faults with their lines; empty lines and lines that begin with `#` are none.
 * A word is printable ASCII without spaces and stands once. Never throws for the text's sake.
 */
export function readStrictWords(text: string): { value: string[]; faults: TextFault[] } {
  if (Buffer.byteLength(text) > maxBytes)
    return { value: [], faults: [{ line: 1, problem: `larger than ${maxBytes} bytes` }] };
  const seen = new Map<string, number>();
  const faults: TextFault[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const earlier = seen.get(line);
    if (!word.test(line)) faults.push({ line: at + 1, problem: "is not one word of printable ASCII" });
    else if (earlier !== undefined) faults.push({ line: at + 1, problem: `stands on line ${earlier} too` });
    else seen.set(line, at + 1);
  }
  return { value: faults.length > 0 ? [] : [...seen.keys()], faults };
}
