const maxBytes = 64 * 1024;
const maxBrackets = 64;
const maxIndentation = 40;
/** Twenty "- " indicators on one line nest as deep as forty columns of indentation. */
const maxIndicatorsPerLine = 20;
const maxFaults = 50;

export const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** Something wrong in a text, by its line counted from 1. */
export interface TextFault {
  line: number;
  problem: string;
}

/**
 * The one dialect of YAML that is read: 1.2, core schema, one document, plain data. Size and nesting are checked on the
 * lexer's tokens, before the parser, whose recursion deep nesting could exhaust. Source: pipelines.md 1.
 * Answers the value, or all faults (then the value is undefined); never throws for the text's sake.
 */
export async function readStrictYaml(text: string): Promise<{ value: unknown; faults: TextFault[] }> {
  const textual = textFaults(text);
  if (textual.length > 0) return { value: undefined, faults: textual };
  const yaml = await import("yaml");
  const lexical = tokenFaults(new yaml.Lexer().lex(text));
  if (lexical.length > 0) return { value: undefined, faults: lexical };
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    version: "1.2",
    schema: "core",
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
    customTags: [],
    prettyErrors: false,
    lineCounter: lines,
  });
  const faults: TextFault[] = [...document.errors, ...document.warnings].map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    problem: error.message,
  }));
  yaml.visit(document, {
    Pair(_, { key }) {
      if (!yaml.isScalar(key) || !forbiddenKeys.has(String(key.value))) return;
      faults.push({
        line: lines.linePos(key.range?.[0] ?? 0).line,
        problem: `the key ${String(key.value)} is refused`,
      });
    },
  });
  if (faults.length > 0) return { value: undefined, faults };
  return { value: document.toJS({ maxAliasCount: 0 }), faults: [] };
}

function textFaults(text: string): TextFault[] {
  if (Buffer.byteLength(text) > maxBytes) return [{ line: 1, problem: `larger than ${maxBytes} bytes` }];
  const faults: TextFault[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const indentation = line.search(/[^ \t]|$/);
    if (indentation > maxIndentation) {
      faults.push({ line: index + 1, problem: `indented by more than ${maxIndentation} columns` });
    }
    if (hasControlCharacter(line)) faults.push({ line: index + 1, problem: "contains a control character" });
    if (faults.length >= maxFaults) break;
  }
  return faults;
}

/** Tab and carriage return pass. The lexer marks its tokens with control characters, so none may come from the text. */
function hasControlCharacter(line: string): boolean {
  for (const character of line) {
    const code = character.charCodeAt(0);
    if ((code < 0x20 && code !== 0x09 && code !== 0x0d) || code === 0x7f) return true;
  }
  return false;
}

function tokenFaults(tokens: Iterable<string>): TextFault[] {
  const faults: TextFault[] = [];
  let line = 1;
  let brackets = 0;
  let indicators = 0;
  let isScalar = false;
  for (const token of tokens) {
    if (!isScalar) {
      if (token === "[" || token === "{") brackets += 1;
      if ((token === "]" || token === "}") && brackets > 0) brackets -= 1;
      if (brackets === 0 && (token === "-" || token === "?" || token === ":")) indicators += 1;
      const problem = brackets > maxBrackets ? `more than ${maxBrackets} nested brackets` : refusal(token);
      if (problem !== undefined) faults.push({ line, problem });
    }
    if (indicators > maxIndicatorsPerLine) faults.push({ line, problem: "too many nested entries on one line" });
    if (faults.length >= maxFaults || brackets > maxBrackets || indicators > maxIndicatorsPerLine) return faults;
    const breaks = token.split("\n").length - 1;
    line += breaks;
    if (breaks > 0) indicators = 0;
    isScalar = token === scalarMark;
  }
  return faults;
}

/** The lexer puts this before a plain or block scalar. */
const scalarMark = "\x1f";

/** What this dialect leaves out: a tag such as `!!binary` would yield other than plain data. */
function refusal(token: string): string | undefined {
  if (token.startsWith("&")) return "anchors are refused";
  if (token.startsWith("*")) return "aliases are refused";
  if (token.startsWith("!")) return "tags are refused";
  if (token.startsWith("%")) return "directives are refused";
  return undefined;
}
