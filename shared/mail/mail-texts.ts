import { configFile, configFolder } from "#shared/platform/config-files.ts";
import { AppError, type FieldProblem } from "#shared/runtime/errors.ts";
import { type MailName, mailNames } from "./mail-message.ts";

/** One mail in one language. */
export interface MailText {
  subject: string;
  text: string;
  /** Path of the console's page that takes the token; only where the text holds `{link}`. */
  page?: string;
}

type Texts = Partial<Record<MailName, MailText>>;

const fallbackLanguage = "en";
const members = new Set(["subject", "text", "page"]);

let loaded: Promise<ReadonlyMap<string, Texts>> | undefined;

/** Every text of `configs/mail/` by language, read once; throws `CONFIG_FILE_INVALID` with every fault. */
export function mailTexts(): Promise<ReadonlyMap<string, Texts>> {
  loaded ??= readTexts();
  return loaded;
}

/** The text in the language, or in English where that lacks it. */
export async function mailText(name: MailName, language: string): Promise<MailText> {
  const texts = await mailTexts();
  const text = texts.get(language)?.[name] ?? texts.get(fallbackLanguage)?.[name];
  if (text === undefined) throw new Error(`there is no text for the mail ${name}`);
  return text;
}

/** Puts values in place of `{name}`s; a name without a value is a bug of the sender's. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  const text = template.replace(/\{([a-z_]+)\}/g, (_all, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new AppError("MESSAGE_MALFORMED", `The mail has no value for {${name}}.`);
    return value;
  });
  // A value may be empty: what stands between paragraphs is then one empty line all the same.
  return text.replace(/\n{3,}/g, "\n\n");
}

async function readTexts(): Promise<ReadonlyMap<string, Texts>> {
  const names = (await configFolder("mail")).filter((name) => name.endsWith(".yml"));
  const files = await Promise.all(names.map(async (name) => [name, await configFile(`mail/${name}`)] as const));
  const faults = files.flatMap(([name, content]) => faultsOf(name, content));
  if (faults.length > 0)
    throw new AppError("CONFIG_FILE_INVALID", `${faults[0]?.path} ${faults[0]?.problem}`, { fields: faults });
  return new Map(files.map(([name, content]) => [name.slice(0, -".yml".length), content as Texts]));
}

function faultsOf(file: string, content: unknown): FieldProblem[] {
  const texts = (content ?? {}) as Record<string, Record<string, unknown>>;
  const fault = (path: string, problem: string): FieldProblem => ({ path: `mail/${file}/${path}`, problem });
  const missing = file === `${fallbackLanguage}.yml` ? mailNames.filter((name) => !(name in texts)) : [];
  const wrong = Object.entries(texts).flatMap(([name, entry]) => {
    if (!(mailNames as readonly string[]).includes(name)) return [fault(name, "is no mail of ours")];
    const unknown = Object.keys(entry).filter((member) => !members.has(member));
    const isText = typeof entry["subject"] === "string" && typeof entry["text"] === "string";
    const hasLink = String(entry["text"]).includes("{link}");
    return [
      ...unknown.map((member) => fault(`${name}/${member}`, "is unknown")),
      ...(isText ? [] : [fault(name, "needs subject and text")]),
      ...(hasLink === (typeof entry["page"] === "string")
        ? []
        : [fault(name, "has {link} without page, or page without {link}")]),
    ];
  });
  return [...missing.map((name) => fault(name, "is missing")), ...wrong];
}
