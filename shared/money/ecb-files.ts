import { readFlatXml, type XmlElement } from "./flat-xml.ts";
import { collectDay, type RateFile, refusedFile, wholeFile } from "./rate-file.ts";

/** Base of all files of the European Central Bank. */
const base = "EUR";
const namespace = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref";
const months = "January February March April May June July August September October November December".split(" ");
const absent = "N/A";

/** Daily, 90-day and history files in XML. Source: `../reference/fx.md`. */
export function readEcbXml(text: string): RateFile {
  const file: RateFile = { days: [], problems: [] };
  const root = readFlatXml(text);
  const cubes = root && outerCube(root);
  if (cubes === undefined) return refusedFile("is not a file of euro reference rates in XML");
  for (const cube of cubes) {
    const day = cube.attributes["time"] ?? "";
    const rates = collectDay({ day, base }, file);
    if (!hasOnly(cube, "Cube", ["time"])) rates.fault("holds an unknown element or attribute");
    for (const rate of cube.children) {
      const isRate = hasOnly(rate, "Cube", ["currency", "rate"]) && rate.children.length === 0 && rate.text === "";
      if (isRate) rates.add(rate.attributes["currency"] ?? "", rate.attributes["rate"] ?? "");
      else rates.fault("holds an unknown element or attribute");
    }
    rates.close();
  }
  return wholeFile(file);
}

/** The days' elements; undefined when the envelope is another one. */
function outerCube(root: XmlElement): XmlElement[] | undefined {
  if (root.name !== "gesmes:Envelope" || root.attributes["xmlns"] !== namespace) return undefined;
  const known = root.children.every(({ name }) => ["gesmes:subject", "gesmes:Sender", "Cube"].includes(name));
  const [cube, ...others] = root.children.filter(({ name }) => name === "Cube");
  if (!known || cube === undefined || others.length > 0 || !hasOnly(cube, "Cube", [])) return undefined;
  return cube.children;
}

function hasOnly(element: XmlElement, name: string, attributes: readonly string[]): boolean {
  const given = Object.keys(element.attributes).sort();
  return element.name === name && given.join() === [...attributes].sort().join();
}

/** Daily and history files in CSV: a header `Date, USD, JPY, ...,`, a trailing comma, `N/A` for no rate. */
export function readEcbCsv(text: string): RateFile {
  const file: RateFile = { days: [], problems: [] };
  const [header, ...lines] = (text.startsWith("\ufeff") ? text.slice(1) : text).trimEnd().split(/\r?\n/).map(cellsOf);
  if (header?.[0] !== "Date" || header.length < 2) return refusedFile("is not a file of euro reference rates in CSV");
  for (const [index, cells] of lines.entries()) {
    const rates = collectDay({ day: dayOf(cells[0] ?? ""), base }, file);
    if (cells.length !== header.length)
      rates.fault(`has ${cells.length} cells in line ${index + 2}, the header ${header.length}`);
    for (const [at, currency] of header.entries()) {
      const cell = cells[at] ?? absent;
      if (at > 0 && cell !== absent) rates.add(currency, cell);
    }
    rates.close();
  }
  return wholeFile(file);
}

function cellsOf(line: string): string[] {
  const cells = line.split(",").map((cell) => cell.trim());
  return cells.at(-1) === "" ? cells.slice(0, -1) : cells;
}

/** `2026-07-03` of `03 July 2026`; other texts as they are. */
function dayOf(text: string): string {
  const [day = "", month = "", year = "", ...rest] = text.split(" ");
  const number = months.indexOf(month) + 1;
  return number === 0 || rest.length > 0 ? text : `${year}-${String(number).padStart(2, "0")}-${day.padStart(2, "0")}`;
}
