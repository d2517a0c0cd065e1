import { dayOf, daysBetween, formatDay } from "../days.ts";
import { formatDecimal } from "../decimal.ts";
import { type AuthorizedCall, type Provider, TextBody } from "../provider.ts";
import { publicAccount, ratesOf } from "./rates.ts";

const ninetyDays = "/stats/eurofxref/eurofxref-hist-90d.xml";

/** The euro reference rates of the European Central Bank (reference/fx.md) below `/ecb`; a public file, no key. */
export const ecb: Provider = {
  name: "ecb",
  shortestAccount: 0,
  sample: { path: ninetyDays, headers: [] },
  keyForms: [
    { form: "(none)", effect: "the files are public; the account of controls is `public`, a line item a currency" },
  ],
  routes: [
    { path: ninetyDays, answer: (call) => file(call, 90) },
    { path: "/stats/eurofxref/eurofxref-daily.xml", answer: (call) => file(call, 1) },
  ],
  keyOf: () => publicAccount,
  accountOf: () => publicAccount,
  refusal: () => undefined,
  headers: () => ({}),
  error: (status, message) => ({ status, headers: {}, body: new TextBody("text/html", `<html>${message}</html>`) }),
  truth: (simulation, _account, days) => ({
    days: days.flatMap((day) => {
      const rates = ratesOf(simulation, day);
      return rates === undefined ? [] : [{ day: formatDay(day), rates: texts(rates) }];
    }),
  }),
};

/** The newest days first, as the bank writes them; a file of one day has the newest. */
function file({ simulation }: AuthorizedCall, days: number) {
  const today = dayOf(simulation.now());
  const published = daysBetween(today - 89, today)
    .reverse()
    .flatMap((day) => {
      const rates = ratesOf(simulation, day);
      return rates === undefined ? [] : [{ day, rates }];
    });
  return { status: 200, headers: {}, body: new TextBody("text/xml", xml(published.slice(0, days))) };
}

function xml(days: readonly { day: number; rates: ReturnType<typeof ratesOf> }[]): string {
  const cubes = days.map(({ day, rates = {} }) => {
    const own = Object.entries(texts(rates)).map(([currency, rate]) => `<Cube currency="${currency}" rate="${rate}"/>`);
    return `<Cube time="${formatDay(day)}">${own.join("")}</Cube>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank</gesmes:name>
	</gesmes:Sender>
	<Cube>${cubes.join("\n\t")}</Cube>
</gesmes:Envelope>
`;
}

function texts(rates: NonNullable<ReturnType<typeof ratesOf>>): Record<string, string> {
  return Object.fromEntries(Object.entries(rates).map(([currency, rate]) => [currency, formatDecimal(rate)]));
}
