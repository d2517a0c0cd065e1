/** An element of a small XML text: no mixed content, nothing but elements, attributes and plain text. */
export interface XmlElement {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: XmlElement[];
  text: string;
}

const maxDepth = 8;
const nameChars = /^[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?$/;

/**
 * Reads the XML that needs no library: one root, elements, attributes in quotes, text. Undefined for everything else, well-formed
 * or not: DOCTYPE, entities and character references, comments, CDATA, processing instructions, text beside elements,
 * anything cut off. So nothing can be smuggled in, and nothing expands.
 */
export function readFlatXml(text: string): XmlElement | undefined {
  const body = withoutDeclaration(text);
  if (body === undefined || body.includes("&") || body.includes("<!") || body.includes("<?")) return undefined;
  const holder: XmlElement = { name: "", attributes: {}, children: [], text: "" };
  const open: XmlElement[] = [holder];
  for (const piece of body.split("<").slice(1)) {
    const end = piece.indexOf(">");
    if (end === -1 || !takeTag(piece.slice(0, end), open) || !takeText(piece.slice(end + 1), open)) return undefined;
  }
  const isBlankBefore = body.slice(0, Math.max(0, body.indexOf("<"))).trim() === "";
  const [root, ...others] = holder.children;
  return open.length === 1 && others.length === 0 && isBlankBefore && holder.text === "" ? root : undefined;
}

/** The text behind a byte order mark and an XML declaration of UTF-8; undefined for another declaration. */
function withoutDeclaration(text: string): string | undefined {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (!body.startsWith("<?xml")) return body;
  const end = body.indexOf("?>");
  const attributes = end === -1 ? undefined : attributesOf(body.slice(5, end));
  const isPlain = attributes?.["version"] === "1.0" && /^(utf-8)?$/i.test(attributes["encoding"] ?? "");
  return isPlain ? body.slice(end + 2) : undefined;
}

/** Opens or closes an element; false where the tag fits nothing. `open` is the way from the outside to the innermost. */
function takeTag(tag: string, open: XmlElement[]): boolean {
  const inner = open.at(-1);
  if (inner === undefined) return false;
  if (tag.startsWith("/")) {
    open.pop();
    const hasBoth = inner.children.length > 0 && inner.text.trim() !== "";
    return open.length > 0 && !hasBoth && inner.name === tag.slice(1).trimEnd();
  }
  const isEmpty = tag.endsWith("/");
  const content = isEmpty ? tag.slice(0, -1) : tag;
  const name = content.split(/\s/, 1)[0] ?? "";
  const attributes = attributesOf(content.slice(name.length));
  if (!nameChars.test(name) || attributes === undefined || open.length > maxDepth) return false;
  const element = { name, attributes, children: [], text: "" };
  inner.children.push(element);
  if (!isEmpty) open.push(element);
  return true;
}

function takeText(text: string, open: XmlElement[]): boolean {
  const inner = open.at(-1);
  if (inner === undefined) return false;
  if (text.trim() === "") return true;
  inner.text += text;
  return open.length > 1 && inner.children.length === 0;
}

const attribute = /\s+([A-Za-z_][A-Za-z0-9_.:-]*)\s*=\s*("[^"<]*"|'[^'<]*')/y;

/** Attributes by name; undefined when something else stands between them, or one stands twice. */
function attributesOf(text: string): Record<string, string> | undefined {
  const attributes = new Map<string, string>();
  attribute.lastIndex = 0;
  let end = 0;
  for (let found = attribute.exec(text); found !== null; found = attribute.exec(text)) {
    const [, name = "", quoted = ""] = found;
    if (attributes.has(name)) return undefined;
    attributes.set(name, quoted.slice(1, -1));
    end = attribute.lastIndex;
  }
  return text.slice(end).trim() === "" ? Object.fromEntries(attributes) : undefined;
}
