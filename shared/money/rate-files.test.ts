import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEcbCsv, readEcbXml } from "./ecb-files.ts";
import { readRatesJson } from "./rate-file.ts";

const head =
  '<?xml version="1.0" encoding="UTF-8"?>\n<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender>\n<gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>';
const tail = "</gesmes:Envelope>";
const friday =
  '<Cube time="2026-07-03"><Cube currency="USD" rate="1.1402"/><Cube currency="GBP" rate="0.8511"/></Cube>';
const thursday = "<Cube time='2026-07-02'>\n\t<Cube currency='USD' rate='1.1380'/></Cube>";
const xml = (days: string): string => `${head}\n<Cube>${days}</Cube>\n${tail}\n`;

const fridaySet = { base: "EUR", publishedOn: "2026-07-03", rates: { USD: "1.1402", GBP: "0.8511" } };
const thursdaySet = { base: "EUR", publishedOn: "2026-07-02", rates: { USD: "1.138" } };

describe("XML of the European Central Bank", () => {
  it("reads a day, and many days in any order", () => {
    expect(readEcbXml(xml(friday))).toEqual({ days: [fridaySet], problems: [] });
    expect(readEcbXml(xml(friday + thursday))).toEqual(readEcbXml(xml(thursday + friday)));
    expect(readEcbXml(`\ufeff${xml(thursday + friday)}`).days).toEqual([thursdaySet, fridaySet]);
  });

  it.each<[string, string]>([
    ["a DOCTYPE", xml(friday).replace("\n<gesmes", '\n<!DOCTYPE x [<!ENTITY a "1">]><gesmes')],
    ["an entity", xml(friday.replace("1.1402", "&a;"))],
    ["a character reference", xml(friday.replace("1.1402", "&#49;.1"))],
    ["a comment", xml(`<!-- x -->${friday}`)],
    ["CDATA", xml(`<![CDATA[${friday}]]>`)],
    ["a processing instruction", xml(`<?x y?>${friday}`)],
    ["another encoding", xml(friday).replace("UTF-8", "UTF-7")],
    ["a rate of 0", xml(friday.replace("0.8511", "0"))],
    ["a negative rate", xml(friday.replace("0.8511", "-1"))],
    ["a rate in words", xml(friday.replace("0.8511", "N/A"))],
    ["an infinite rate", xml(friday.replace("0.8511", "1e999"))],
    ["13 decimals", xml(friday.replace("0.8511", "0.8511000000001"))],
    ["a rate missing", xml(friday.replace(' rate="0.8511"', ""))],
    ["a currency in lower case", xml(friday.replace("GBP", "gbp"))],
    ["the base itself", xml(friday.replace("GBP", "EUR"))],
    ["a currency twice", xml(friday.replace("GBP", "USD"))],
    ["an impossible day", xml(friday.replace("07-03", "02-30"))],
    ["a day twice", xml(friday + friday)],
    ["an attribute twice", xml(friday.replace("<Cube time", '<Cube time="2026-07-01" time'))],
    ["an unknown attribute", xml(friday.replace("<Cube time", '<Cube x="1" time'))],
    ["an unknown element", xml(`${friday}<Other/>`)],
    ["text among the rates", xml(friday.replace("/><Cube", "/>x<Cube"))],
    ["text behind the end", `${xml(friday)}x`],
    ["two roots", xml(friday) + xml(friday).slice(xml(friday).indexOf("<gesmes"))],
    ["another namespace", xml(friday).replace("eurofxref", "other")],
    ["no day", xml("")],
    ["a day without a rate", xml('<Cube time="2026-07-03"></Cube>')],
    ["nothing", ""],
  ])("refuses the whole file for %s", (_, text) => {
    const { days, problems } = readEcbXml(text);

    expect(days).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
  });

  it("refuses a file that was cut off anywhere", () => {
    const whole = xml(friday + thursday).trimEnd();
    for (let end = 0; end < whole.length; end++) expect(readEcbXml(whole.slice(0, end)).days).toEqual([]);
  });
});

describe("CSV of the European Central Bank", () => {
  it("reads the daily file and the history, N/A being no rate", () => {
    const daily = "Date, USD, GBP, \n03 July 2026, 1.1402, 0.8511, \n";
    const history = "Date,USD,GBP,\r\n2026-07-03,1.1402,0.8511,\r\n2026-07-02,1.1380,N/A,\r\n";

    expect(readEcbCsv(daily)).toEqual({ days: [fridaySet], problems: [] });
    expect(readEcbCsv(history)).toEqual({ days: [thursdaySet, fridaySet], problems: [] });
  });

  it.each<[string, string]>([
    ["a zero", "Date,USD,\n2026-07-03,0,\n2026-07-02,1.1,\n"],
    ["an empty cell", "Date,USD,GBP,\n2026-07-03,,1,\n"],
    ["a word", "Date,USD,\n2026-07-03,abc,\n"],
    ["too few cells", "Date,USD,GBP,\n2026-07-03,1.1,\n"],
    ["too many cells", "Date,USD,\n2026-07-03,1.1,2,\n"],
    ["a day of no calendar", "Date,USD,\n31 June 2026,1.1,\n"],
    ["another month name", "Date,USD,\n03 Juli 2026,1.1,\n"],
    ["a quoted cell", 'Date,USD,\n2026-07-03,"1.1",\n'],
    ["no header", "2026-07-03,1.1,\n"],
    ["no day", "Date,USD,\n"],
    ["nothing", ""],
  ])("refuses the whole file for %s", (_, text) => {
    expect(readEcbCsv(text).days).toEqual([]);
    expect(readEcbCsv(text).problems.length).toBeGreaterThan(0);
  });
});

describe("rates in JSON", () => {
  it("reads numbers as they are written, never as floats", async () => {
    const text = '{"base":"USD","days":{"2026-07-03":{"VND":25350.000000000001,"EUR":"0.877"}}}';

    const { days } = await readRatesJson(text);

    expect(days).toEqual([
      { base: "USD", publishedOn: "2026-07-03", rates: { VND: "25350.000000000001", EUR: "0.877" } },
    ]);
  });

  it.each([
    "",
    "{",
    "[]",
    '{"base":"EUR"}',
    '{"base":"EUR","days":{}}',
    '{"base":"eur","days":{"2026-07-03":{"USD":"1"}}}',
    '{"base":"EUR","days":{"2026-07-03":{"USD":null}}}',
    '{"base":"EUR","days":{"2026-07-03":[]}}',
    '{"base":"EUR","days":{"__proto__":{"USD":"1"}}}',
    '{"base":"EUR","days":{"2026-07-03":{"USD":"1","USD":"2"}}}',
  ])("refuses %j", async (text) => {
    const { days, problems } = await readRatesJson(text);

    expect(days).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
  });
});

it("never throws for a text's sake", async () => {
  const piece = fc.constantFrom(
    "<",
    ">",
    "/",
    "Cube",
    ' time="2026-07-03"',
    "&",
    "Date,",
    "\n",
    "{",
    '"',
    "\ud800",
    "1.1",
    "<!",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const text = pieces.join("");
      for (const file of [readEcbXml(text), readEcbCsv(text), await readRatesJson(text)]) expect(file.days).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
