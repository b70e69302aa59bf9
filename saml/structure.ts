import { ASSERTION, PROTOCOL, SIGNATURE, type XmlElement, childrenNamed, isNamed, plainText, withDescendants } from "./dom.ts";
import { Refused } from "./refused.ts";

/** RSA with SHA-256 and SHA-512. Of stronger algorithms, the library verifies these. */
const signatureMethods = new Set([
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
  "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
  "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
]);
const digestMethods = new Set(["http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmlenc#sha512"]);
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

const SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success";

const wrong = (sentence: string) => new Refused("structure", sentence);

export interface Structure {
  response: XmlElement;
  assertion: XmlElement;
  /** Whether the response is signed as well. */
  isResponseSigned: boolean;
}

/**
 * The rules on the shape of a response, which is not verified yet. A response has one place for each thing, so that no two readers can disagree about which
 * assertion, signature or element with an id is meant: wrapped signatures have no place to hide in. Pure.
 * @throws Refused
 */
export function requireStructure(root: XmlElement): Structure {
  if (!isNamed(root, PROTOCOL, "Response") || root.attributes.get("Version") !== "2.0")
    throw wrong("The document is not a response of SAML 2.0.");
  requireSuccess(root);
  const all = [...withDescendants(root)];
  const named = (name: string) => all.filter(({ localName }) => localName === name);
  if (all.some(({ localName }) => localName.startsWith("Encrypted")))
    throw new Refused("encrypted", "The response is encrypted. Switch the encryption of assertions off at the identity provider.");
  const [assertion, ...others] = named("Assertion");
  if (!assertion || others.length > 0 || assertion.parent !== root || !isNamed(assertion, ASSERTION, "Assertion"))
    throw wrong("The response does not have exactly one assertion, in its place.");
  if (named("Response").length !== 1) throw wrong("The document has more than one response.");
  requireUniqueIds(all);
  const signatures = named("Signature");
  for (const signature of signatures) requireSignature(signature, [root, assertion]);
  const of = (element: XmlElement) => signatures.filter(({ parent }) => parent === element).length;
  if (of(root) > 1 || of(assertion) > 1) throw wrong("An element has more than one signature.");
  if (of(assertion) === 0)
    throw new Refused(
      "unsigned",
      of(root) === 0
        ? "The response is not signed."
        : "The response is signed, but its assertion is not. Switch the signing of assertions on at the identity provider.",
    );
  return { response: root, assertion, isResponseSigned: of(root) === 1 };
}

function requireSuccess(response: XmlElement): void {
  const [status, ...others] = childrenNamed(response, PROTOCOL, "Status");
  const [code] = status ? childrenNamed(status, PROTOCOL, "StatusCode") : [];
  if (!code || others.length > 0) throw wrong("The response has no status.");
  if (code.attributes.get("Value") !== SUCCESS)
    throw new Refused("status", "The identity provider refused the sign-in: you may not be assigned to this application there.");
}

/** The libraries find the signed element by an attribute of one of these names. */
const isId = (name: string) => name.toLowerCase() === "id";

function requireUniqueIds(all: XmlElement[]): void {
  const seen = new Set<string>();
  for (const { name, value } of all.flatMap((element) => element.all)) {
    if (!isId(name)) continue;
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,199}$/.test(value)) throw wrong("The document has an id that is not valid.");
    if (seen.has(value)) throw wrong("Two elements of the document have the same id.");
    seen.add(value);
  }
}

/** The only children that a part of a signature may have, in their order; `?` marks one that may be absent. */
function requireChildren(element: XmlElement, ...names: string[]): XmlElement[] {
  const children = [...element.children];
  const found = names.map((name) => {
    const wanted = name.replace("?", "");
    if (children[0] && isNamed(children[0], SIGNATURE, wanted)) return children.shift();
    if (!name.endsWith("?")) throw wrong("A signature does not have the usual parts.");
    return undefined;
  });
  if (children.length > 0) throw wrong("A signature has unusual parts.");
  return found as XmlElement[];
}

function requireSignature(signature: XmlElement, mayBeSigned: XmlElement[]): void {
  const { parent } = signature;
  if (!parent || !mayBeSigned.includes(parent) || !isNamed(signature, SIGNATURE, "Signature"))
    throw wrong("A signature is not in its place.");
  const id = parent.attributes.get("ID");
  const [info, value] = requireChildren(signature, "SignedInfo", "SignatureValue", "KeyInfo?");
  const [canonical, method, reference] = requireChildren(info!, "CanonicalizationMethod", "SignatureMethod", "Reference");
  const [transforms, digest, digestValue] = requireChildren(reference!, "Transforms", "DigestMethod", "DigestValue");
  const steps = requireChildren(transforms!, "Transform", "Transform");
  const algorithm = (element: XmlElement | undefined) => element!.attributes.get("Algorithm") ?? "";
  if (!id || reference!.attributes.get("URI") !== `#${id}`) throw wrong("A signature is not about the element that it is in.");
  if (!signatureMethods.has(algorithm(method)) || !digestMethods.has(algorithm(digest)) || method!.children.length > 0)
    throw new Refused(
      "algorithm",
      "The signature does not use RSA with SHA-256 or SHA-512. Choose such an algorithm at the identity provider.",
    );
  if (algorithm(canonical) !== EXCLUSIVE || algorithm(steps[0]) !== ENVELOPED || algorithm(steps[1]) !== EXCLUSIVE)
    throw new Refused("algorithm", "The signature uses an unusual canonical form.");
  for (const text of [value, digestValue])
    if (!/^[A-Za-z0-9+/=\s]+$/.test(plainText(text!) ?? "")) throw wrong("A signature has a value that is not valid.");
}
