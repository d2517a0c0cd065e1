import { forbiddenKeys, type TextFault } from "./strict-yaml.ts";

const maxBytes = 512 * 1024;

/** The value of a JSON text, or its faults with their lines; never throws for the text's sake. */
export async function readStrictJson(text: string): Promise<{ value: unknown; faults: TextFault[] }> {
  if (Buffer.byteLength(text) > maxBytes) {
    return { value: undefined, faults: [{ line: 1, problem: `larger than ${maxBytes} bytes` }] };
  }
  const refused = new Set<string>();
  try {
    const value: unknown = JSON.parse(text, (key, member: unknown) => {
      if (forbiddenKeys.has(key)) refused.add(key);
      return member;
    });
    const faults = [...refused].map((key) => ({
      line: lineAt(text, text.indexOf(`"${key}"`)),
      problem: `the key ${key} is refused`,
    }));
    return { value: faults.length > 0 ? undefined : value, faults };
  } catch (error) {
    return { value: undefined, faults: [await syntaxFault(text, error)] };
  }
}

/** Node's own message often lacks the position, this parser's always has it. */
async function syntaxFault(text: string, error: unknown): Promise<TextFault> {
  const { parse } = await import("lossless-json");
  try {
    parse(text);
  } catch (positioned) {
    const problem = messageOf(positioned);
    return { line: lineAt(text, Number(/at position (\d+)/.exec(problem)?.[1] ?? 0)), problem };
  }
  return { line: 1, problem: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function lineAt(text: string, position: number): number {
  return text.slice(0, Math.max(0, position)).split("\n").length;
}
