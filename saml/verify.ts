import { SAML, ValidateInResponseTo } from "@node-saml/node-saml";
import type { SamlCandidate, SamlFacts, SamlQuestion } from "../src/samlService.ts";
import { readAssertion, requireEnvelope } from "./assertion.ts";
import { ASSERTION, type XmlElement, childrenNamed, parseXml, plainText } from "./dom.ts";
import { Refused } from "./refused.ts";
import { type Structure, requireStructure } from "./structure.ts";
import { decodeResponse, requirePlainXml } from "./text.ts";

/**
 * Verifies a response in this order: its bytes, its shape, its signatures, and then what the signed bytes say. @throws Refused
 */
export async function verifyResponse({ response, acsUrl, candidates, now }: SamlQuestion): Promise<SamlFacts> {
  const xml = requirePlainXml(decodeResponse(response));
  const structure = requireStructure(parseXml(xml));
  const candidate = candidateFor(structure.assertion, candidates);
  const facts = readAssertion(await signedAssertion(xml, structure, candidate, acsUrl), { candidate, acsUrl, now });
  requireEnvelope(structure.response, facts, acsUrl, structure.isResponseSigned);
  return facts;
}

/** The connection whose provider the assertion claims to be from. Whether that is true is shown by the signature. */
function candidateFor(assertion: XmlElement, candidates: SamlCandidate[]): SamlCandidate {
  const issuers = childrenNamed(assertion, ASSERTION, "Issuer").map(plainText);
  const candidate = candidates.find(({ issuer }) => issuers.length === 1 && issuer === issuers[0]);
  if (!candidate) throw new Refused("issuer", "The assertion is from an identity provider that the organization does not use.");
  return candidate;
}

/** Verifies the signatures with the certificates of the connection. The key in the document is never used. @returns the assertion of the signed bytes */
async function signedAssertion(
  xml: string,
  { isResponseSigned }: Structure,
  { issuer, audience, certificates }: SamlCandidate,
  acsUrl: string,
): Promise<XmlElement> {
  const library = new SAML({
    callbackUrl: acsUrl,
    issuer: audience,
    // The rules on an assertion have a sentence for each fault. Its times are in the clock of the main Worker, which also knows the requests.
    audience: false,
    idpIssuer: issuer,
    idpCert: certificates,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: isResponseSigned,
    validateInResponseTo: ValidateInResponseTo.never,
    acceptedClockSkewMs: -1,
  });
  const signed = await library.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString("base64") }).then(
    ({ profile }) => profile?.getAssertionXml?.(),
    () => undefined,
  );
  if (signed === undefined)
    throw new Refused(
      "signature",
      "The signature is not valid for the certificates of the identity provider. If the provider has a new certificate, an administrator has to add its new metadata.",
    );
  return parseXml(signed);
}
