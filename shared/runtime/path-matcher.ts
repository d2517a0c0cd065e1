/** Parameters of a path that matched. */
export interface PathMatch {
  params: Record<string, string>;
}

const parameter = /^\{(\w+)\}$/;
const restOfPath = /^\{(\w+)=\*\*\}$/;

/**
 * Matches a request's path against the templates of one function, segment by segment; a parameter takes one non-empty
 * segment, percent-decoded, `{name=**}` at the end the whole rest as sent. Undefined when none matches or a segment
 * cannot be decoded.
 */
export function pathMatcher(declaration: {
  path: string;
  aliases?: readonly string[];
}): (path: string) => PathMatch | undefined {
  const templates = [declaration.path, ...(declaration.aliases ?? [])].map((template) => template.split("/"));
  return (path) => {
    const segments = path.split("/");
    for (const template of templates) {
      const params = matchTemplate(template, segments);
      if (params !== undefined) return { params };
    }
    return undefined;
  };
}

function matchTemplate(template: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const rest = restOfPath.exec(template.at(-1) ?? "")?.[1];
  if (rest === undefined) return matchSegments(template, segments);
  const start = template.length - 1;
  const params = matchSegments(template.slice(0, start), segments.slice(0, start));
  return params === undefined ? undefined : { ...params, [rest]: segments.slice(start).join("/") };
}

function matchSegments(template: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (template.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of template.entries()) {
    const segment = segments[at] ?? "";
    const name = parameter.exec(part)?.[1];
    if (name === undefined) {
      if (part !== segment) return undefined;
      continue;
    }
    const value = decoded(segment);
    if (value === undefined) return undefined;
    params[name] = value;
  }
  return params;
}

function decoded(segment: string): string | undefined {
  try {
    const value = decodeURIComponent(segment);
    return value === "" ? undefined : value;
  } catch {
    return undefined;
  }
}
