import { DOMParser } from "@xmldom/xmldom";
import { Refused } from "./refused.ts";

export const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
export const ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion";
export const METADATA = "urn:oasis:names:tc:SAML:2.0:metadata";
export const SIGNATURE = "http://www.w3.org/2000/09/xmldsig#";

/** Levels of elements in a document. A response has ten. */
const MOST_LEVELS = 40;

/** The parts of an element that the rules read. */
export interface XmlElement {
  namespaceURI: string | null;
  localName: string;
  parent: XmlElement | undefined;
  children: XmlElement[];
  /** The attributes without a namespace. */
  attributes: Map<string, string>;
  /** All attributes by their local names, with their namespaces. */
  all: { name: string; value: string; namespaceURI: string | null }[];
  /** The text directly in the element. */
  text: string;
}

interface Raw {
  nodeType: number;
  namespaceURI: string | null;
  localName: string | null;
  nodeName: string;
  nodeValue: string | null;
  firstChild: Raw | null;
  nextSibling: Raw | null;
  attributes?: { length: number; item: (i: number) => Raw };
  documentElement?: Raw | null;
}

const [ELEMENT, TEXT, COMMENT] = [1, 3, 8];

/** Parses a document whose text `requirePlainXml` has accepted. Everything that the parser only warns about is refused as well. @throws Refused */
export function parseXml(xml: string): XmlElement {
  const fail = () => {
    throw new Refused("markup", "The document is not well-formed XML.");
  };
  let document: Raw;
  try {
    document = new DOMParser({ errorHandler: { warning: fail, error: fail, fatalError: fail } }).parseFromString(
      xml,
      "text/xml",
    ) as unknown as Raw;
  } catch {
    return fail();
  }
  const roots = childrenOf(document).filter(({ nodeType }) => nodeType === ELEMENT);
  if (roots.length !== 1 || childrenOf(document).some((node) => node.nodeType === TEXT && node.nodeValue?.trim())) return fail();
  const root = toElement(roots[0]!, undefined);
  // No recursion, because the depth is not known yet.
  const open: [Raw, XmlElement, number][] = [[roots[0]!, root, 1]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [raw, element, level] = next;
    if (level > MOST_LEVELS) throw new Refused("size", `The document has more than ${MOST_LEVELS} levels.`);
    for (const node of childrenOf(raw)) {
      if (node.nodeType === TEXT) element.text += node.nodeValue ?? "";
      else if (node.nodeType === ELEMENT) {
        const child = toElement(node, element);
        element.children.push(child);
        open.push([node, child, level + 1]);
      } else if (node.nodeType !== COMMENT) return fail();
    }
  }
  return root;
}

function childrenOf(node: Raw): Raw[] {
  const children: Raw[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child);
  return children;
}

function toElement(raw: Raw, parent: XmlElement | undefined): XmlElement {
  const all = Array.from({ length: raw.attributes?.length ?? 0 }, (_, i) => raw.attributes!.item(i))
    .filter(({ nodeName }) => nodeName !== "xmlns" && !nodeName.startsWith("xmlns:"))
    .map((one) => ({ name: one.localName ?? one.nodeName, value: one.nodeValue ?? "", namespaceURI: one.namespaceURI || null }));
  return {
    namespaceURI: raw.namespaceURI || null,
    localName: raw.localName ?? raw.nodeName,
    parent,
    children: [],
    attributes: new Map(all.filter(({ namespaceURI }) => namespaceURI === null).map(({ name, value }) => [name, value])),
    all,
    text: "",
  };
}

export const isNamed = ({ namespaceURI, localName }: XmlElement, namespace: string, name: string) =>
  namespaceURI === namespace && localName === name;

/** The children with that name. */
export const childrenNamed = (element: XmlElement, namespace: string, name: string): XmlElement[] =>
  element.children.filter((child) => isNamed(child, namespace, name));

/** The element and everything in it, in the order of the document. */
export function* withDescendants(element: XmlElement): Generator<XmlElement> {
  const open = [element];
  for (let next = open.pop(); next; next = open.pop()) {
    yield next;
    open.push(...next.children.toReversed());
  }
}

/** The text of an element that contains nothing else. @returns undefined for an element with elements */
export const plainText = ({ children, text }: XmlElement): string | undefined => (children.length > 0 ? undefined : text.trim());
