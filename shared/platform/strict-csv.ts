import { forbiddenKeys, type TextFault } from "./strict-yaml.ts";

const maxBytes = 1024 * 1024;
const maxFaults = 50;
const columnName = /^[a-z][a-z0-9_]{0,63}$/;

/** One line of a CSV text: its number, counted from 1, and its cells. */
interface Line {
  line: number;
  cells: string[];
}

/**
 * The rows of a CSV text (RFC 4180: comma, double quotes, LF or CRLF) by the names of its header row, every value as text,
 * or all faults with their lines. Every row has as many cells as the header; blank lines at the end are no rows. Never
 * throws for the text's sake.
 */
export function readStrictCsv(
  text: string,
  maximumBytes: number = maxBytes,
): { value: Record<string, string>[]; faults: TextFault[] } {
  if (Buffer.byteLength(text) > maximumBytes)
    return refused([{ line: 1, problem: `larger than ${maximumBytes} bytes` }]);
  const { lines, faults } = splitLines(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  const header = lines[0]?.cells ?? [];
  faults.push(...headerFaults(header));
  for (const { line, cells } of lines.slice(1)) {
    if (cells.length !== header.length)
      faults.push({ line, problem: `has ${cells.length} cells, the header ${header.length}` });
  }
  if (faults.length > 0) return refused(faults.slice(0, maxFaults));
  const value = lines
    .slice(1)
    .map(({ cells }) => Object.fromEntries(header.map((name, index) => [name, cells[index] ?? ""])));
  return { value, faults: [] };
}

function refused(faults: TextFault[]): { value: Record<string, string>[]; faults: TextFault[] } {
  return { value: [], faults };
}

function headerFaults(header: readonly string[]): TextFault[] {
  const faults: TextFault[] = [];
  if (header.length === 0) faults.push({ line: 1, problem: "has no header row" });
  for (const [index, name] of header.entries()) {
    if (!columnName.test(name) || forbiddenKeys.has(name))
      faults.push({ line: 1, problem: `column ${index + 1} has no plain name` });
    else if (header.indexOf(name) !== index) faults.push({ line: 1, problem: `the column ${name} stands twice` });
  }
  return faults;
}

function splitLines(text: string): { lines: Line[]; faults: TextFault[] } {
  const lines: Line[] = [];
  const faults: TextFault[] = [];
  const contentEnd = text.trimEnd().length;
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const cells: string[] = [];
    const startedOn = line;
    for (;;) {
      const cell = readCell(text, at);
      if (cell.problem !== undefined) return { lines, faults: [...faults, { line, problem: cell.problem }] };
      cells.push(cell.value);
      line += cell.value.split("\n").length - 1;
      at = cell.end;
      if (text[at] !== ",") break;
      at += 1;
    }
    at += text[at] === "\r" ? 2 : 1;
    line += 1;
    if (cells.length > 1 || cells[0] !== "") lines.push({ line: startedOn, cells });
    else if (at < contentEnd) faults.push({ line: startedOn, problem: "is blank" });
  }
  return { lines, faults };
}

/** The cell that starts here; `end` is the comma or line end behind it. */
function readCell(text: string, start: number): { value: string; end: number; problem?: string } {
  if (text[start] !== '"') {
    let end = start;
    while (end < text.length && text[end] !== "," && text[end] !== "\n" && text[end] !== "\r") end += 1;
    const value = text.slice(start, end);
    return value.includes('"') ? { value, end, problem: "has a quote inside of a bare cell" } : { value, end };
  }
  let value = "";
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] !== '"') value += text[at];
    else if (text[at + 1] === '"') {
      value += '"';
      at += 1;
    } else {
      const next = text[at + 1];
      const isEnd = next === undefined || next === "," || next === "\n" || next === "\r";
      return isEnd ? { value, end: at + 1 } : { value, end: at + 1, problem: "has text behind a closing quote" };
    }
  }
  return { value, end: text.length, problem: "has a quote that is never closed" };
}
