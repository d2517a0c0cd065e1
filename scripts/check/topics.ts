import { historyTopic } from "#shared/runtime/outbox.ts";
import { type Fault, isTestSupport, lineAt, type Source } from "./sources.ts";

/** A topic as a message names it; `pattern` stands for what a template leaves open. */
interface Named {
  path: string;
  line: number;
  /** Undefined where the text does not tell. */
  pattern: RegExp | undefined;
  written: string;
}

/** `topic: "mail"`, `topic: mailTopic`, `` topic: `pipeline-${provider}` ``; a member of something else is only passed on. */
const named = /\btopic:\s*("[^"\n]*"|`[^`\n]*`|[A-Za-z_$][\w$]*)(?![\w$]*[.?([])/g;
const placeholder = /\$\{[^}]*\}/;
const listPath = "configs/system/awaited-topics.yml";

/**
 * Messages to topics that would not exist: on Pub/Sub each would be offered for ever. A topic is read by a function or
 * stands on the list of those that nobody reads yet; the list holds nothing else.
 */
export function topicFaults(
  sources: readonly Source[],
  { consumed, awaited }: { consumed: readonly string[]; awaited: readonly string[] },
): Fault[] {
  const product = sources.filter(({ path }) => /^(shared|functions)\//.test(path) && !isTestSupport(path));
  const constants = constantsOf(product);
  const all = product.flatMap((source) => namedIn(source, constants));
  const known = [...consumed, ...awaited, historyTopic];
  const unknown = all.flatMap(({ path, line, pattern, written }): Fault[] => {
    if (pattern === undefined) return [{ path, line, problem: `names the topic ${written}: no check can tell which` }];
    if (known.some((topic) => pattern.test(topic))) return [];
    return [{ path, line, problem: `names the topic ${written}, which no function reads: see ${listPath}` }];
  });
  return [...unknown, ...awaited.flatMap((topic) => listFaults(topic, consumed, all))];
}

function listFaults(topic: string, consumed: readonly string[], all: readonly Named[]): Fault[] {
  if (consumed.includes(topic)) return [{ path: listPath, problem: `${topic} is read by a function: take it off` }];
  const isPublished = all.some(({ pattern }) => pattern?.test(topic));
  return isPublished ? [] : [{ path: listPath, problem: `nothing publishes to ${topic}: take it off` }];
}

function namedIn({ path, text }: Source, constants: ReadonlyMap<string, string>): Named[] {
  return [...text.matchAll(named)].flatMap(({ 1: written = "", index }): Named[] => {
    // A type, not a topic.
    if (written === "string") return [];
    return [{ path, line: lineAt(text, index), written, pattern: patternOf(written, constants) }];
  });
}

function patternOf(written: string, constants: ReadonlyMap<string, string>): RegExp | undefined {
  const text = /^["`]/.test(written) ? written.slice(1, -1) : constants.get(written);
  if (text === undefined) return undefined;
  const parts = text.split(placeholder).map((part) => part.replace(/[^\w-]/g, "\\$&"));
  return new RegExp(`^${parts.join("[a-z0-9-]+")}$`);
}

/** Texts that have a name of their own, over all rooms: `const mailTopic = "mail"`. */
function constantsOf(sources: readonly Source[]): ReadonlyMap<string, string> {
  const found = sources.flatMap(({ text }) => [...text.matchAll(/\bconst (\w+Topic) = "([^"]+)"/g)]);
  return new Map(found.map(({ 1: name = "", 2: value = "" }) => [name, value]));
}
