import type { SamlCandidate, SamlFacts } from "../src/samlService.ts";
import { ASSERTION, PROTOCOL, type XmlElement, childrenNamed, isNamed, plainText } from "./dom.ts";
import { Refused } from "./refused.ts";
import type { SamlReason } from "../src/samlService.ts";

/** Difference of clocks that is accepted, in milliseconds. */
export const SKEW = 60_000;
/** An assertion is for a sign-in that happens now, whatever its own limits are. Milliseconds. */
const MOST_AGE = 10 * 60_000;
/** Maximum number of values of all attributes. Larger lists count as unknown in the main Worker. */
const MOST_VALUES = 2000;

const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const formats: Record<string, SamlFacts["nameIdFormat"]> = {
  "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent": "persistent",
  "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress": "emailAddress",
};

interface Expected {
  candidate: SamlCandidate;
  acsUrl: string;
  now: number;
}

const wrong = (sentence: string, reason: SamlReason = "structure") => new Refused(reason, sentence);

/**
 * Reads an assertion whose signature was verified, and checks it against what is expected. Nothing else of the response is read here. Pure.
 * @param assertion parsed from the signed bytes
 * @throws Refused
 */
export function readAssertion(assertion: XmlElement, { candidate, acsUrl, now }: Expected): SamlFacts {
  if (!isNamed(assertion, ASSERTION, "Assertion") || assertion.attributes.get("Version") !== "2.0")
    throw wrong("The signed element is not an assertion of SAML 2.0.");
  const issued = timeOf(assertion, "IssueInstant");
  const assertionId = assertion.attributes.get("ID") ?? "";
  if (assertionId === "" || issued === undefined) throw wrong("The assertion has no id, or no time.");
  if (plainText(only(assertion, "Issuer")) !== candidate.issuer) throw wrong("The assertion is from another identity provider.", "issuer");
  if (issued > now + SKEW) throw wrong("The assertion is from the future. Compare the clock of the identity provider.", "not-yet-valid");
  if (now >= issued + MOST_AGE + SKEW) throw wrong("The assertion is too old. Sign in again.", "expired");
  const until = requireConditions(only(assertion, "Conditions"), candidate.audience, now);
  const subject = only(assertion, "Subject");
  const confirmed = requireConfirmation(subject, acsUrl, now);
  const statements = childrenNamed(assertion, ASSERTION, "AuthnStatement");
  if (statements.length === 0) throw wrong("The assertion does not say that the person has signed in.");
  const ends = statements.flatMap((statement) => timeOf(statement, "SessionNotOnOrAfter") ?? []);
  const sessionEndsAt = ends.length > 0 ? Math.min(...ends) : null;
  if (sessionEndsAt !== null && sessionEndsAt <= now)
    throw wrong("The session at the identity provider has ended. Sign in again.", "expired");
  return {
    connectionId: candidate.connectionId,
    issuer: candidate.issuer,
    ...nameIn(subject),
    attributes: attributesIn(assertion),
    assertionId,
    inResponseTo: confirmed.inResponseTo,
    usableUntil: Math.min(until, confirmed.until, issued + MOST_AGE) + SKEW,
    sessionEndsAt,
  };
}

/** The only child of that name. */
function only(element: XmlElement, name: string): XmlElement {
  const [found, ...others] = childrenNamed(element, ASSERTION, name);
  if (!found || others.length > 0) throw wrong(`The assertion does not have exactly one ${name}.`);
  return found;
}

const TIME = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** @returns undefined for an absent attribute @throws Refused for a value that is no time */
function timeOf(element: XmlElement, name: string): number | undefined {
  const value = element.attributes.get(name);
  if (value === undefined) return undefined;
  const time = TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isFinite(time)) throw wrong("The assertion has a time that is not valid.");
  return time;
}

/** @returns the time of the end, without the skew */
function requireWithin(element: XmlElement, now: number): number {
  const [from, until] = [timeOf(element, "NotBefore"), timeOf(element, "NotOnOrAfter")];
  if (from !== undefined && from > now + SKEW)
    throw wrong("The assertion is not valid yet. Compare the clock of the identity provider.", "not-yet-valid");
  if (until === undefined) throw wrong("The assertion has no end.");
  if (until <= now - SKEW) throw wrong("The assertion has expired. Sign in again.", "expired");
  return until;
}

/** A condition that is not understood makes an assertion invalid (SAML core, 2.5.1.1). */
function requireConditions(conditions: XmlElement, audience: string, now: number): number {
  const until = requireWithin(conditions, now);
  const known = ["AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
  if (conditions.children.some((child) => !known.some((name) => isNamed(child, ASSERTION, name))))
    throw wrong("The assertion has a condition that is not supported.");
  const restrictions = childrenNamed(conditions, ASSERTION, "AudienceRestriction");
  const isFor = (restriction: XmlElement) =>
    childrenNamed(restriction, ASSERTION, "Audience").some((element) => plainText(element) === audience);
  if (restrictions.length === 0 || !restrictions.every(isFor))
    throw wrong("The assertion is for another audience. Compare the entity id of this server at the identity provider.", "audience");
  return until;
}

/** One confirmation must fit: for the bearer, for this address, now. */
function requireConfirmation(subject: XmlElement, acsUrl: string, now: number): { until: number; inResponseTo: string | null } {
  const confirmations = childrenNamed(subject, ASSERTION, "SubjectConfirmation").filter(
    ({ attributes }) => attributes.get("Method") === BEARER,
  );
  const [first, ...others] = confirmations.flatMap((confirmation) => childrenNamed(confirmation, ASSERTION, "SubjectConfirmationData"));
  if (!first || others.length > 0) throw wrong("The assertion is not one for the browser that brings it.");
  if (first.attributes.get("Recipient") !== acsUrl)
    throw wrong("The assertion is for another address. Compare the assertion consumer address at the identity provider.", "recipient");
  return { until: requireWithin(first, now), inResponseTo: first.attributes.get("InResponseTo") ?? null };
}

function nameIn(subject: XmlElement): Pick<SamlFacts, "nameId" | "nameIdFormat"> {
  const name = only(subject, "NameID");
  const nameIdFormat = formats[name.attributes.get("Format") ?? ""];
  if (!nameIdFormat || subject.children.some(({ localName }) => !["NameID", "SubjectConfirmation"].includes(localName)))
    throw wrong("The name id must have the format persistent or emailAddress. Choose one of them at the identity provider.", "subject");
  const nameId = plainText(name) ?? "";
  if (!/^[\x20-\x7e]{1,255}$/.test(nameId)) throw wrong("The name id is empty, is too long, or has unusual characters.", "subject");
  return { nameId, nameIdFormat };
}

function attributesIn(assertion: XmlElement): SamlFacts["attributes"] {
  const attributes = new Map<string, string[]>();
  let count = 0;
  for (const statement of childrenNamed(assertion, ASSERTION, "AttributeStatement"))
    for (const attribute of childrenNamed(statement, ASSERTION, "Attribute")) {
      const name = attribute.attributes.get("Name") ?? "";
      const values = childrenNamed(attribute, ASSERTION, "AttributeValue").flatMap((value) => plainText(value) ?? []);
      count += values.length + 1;
      if (count > MOST_VALUES) throw wrong("The assertion has too many attributes.", "size");
      attributes.set(name, [...(attributes.get(name) ?? []), ...values]);
    }
  return [...attributes];
}

/** Checks the parts of the response around the assertion. They are signed only if the response is, so they can only refuse. Pure. @throws Refused */
export function requireEnvelope(
  response: XmlElement,
  facts: Pick<SamlFacts, "issuer" | "inResponseTo">,
  acsUrl: string,
  isSigned: boolean,
): void {
  const [destination, inResponseTo] = ["Destination", "InResponseTo"].map((name) => response.attributes.get(name));
  if (destination === undefined ? isSigned : destination !== acsUrl)
    throw wrong("The response is for another address. Compare the assertion consumer address at the identity provider.", "destination");
  if (inResponseTo !== undefined && inResponseTo !== facts.inResponseTo)
    throw wrong("The response and its assertion answer different requests.", "request");
  const issuers = childrenNamed(response, ASSERTION, "Issuer");
  if (issuers.length > 1 || issuers.some((issuer) => plainText(issuer) !== facts.issuer))
    throw wrong("The response is from another identity provider.", "issuer");
  const known = [
    [ASSERTION, "Issuer"],
    ["http://www.w3.org/2000/09/xmldsig#", "Signature"],
    [PROTOCOL, "Extensions"],
    [PROTOCOL, "Status"],
    [ASSERTION, "Assertion"],
  ] as const;
  if (response.children.some((child) => !known.some(([namespace, name]) => isNamed(child, namespace, name))))
    throw wrong("The response has unusual parts.");
}
