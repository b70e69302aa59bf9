import { expect } from "vitest";
import { ok } from "../../support/client.ts";
import type { World } from "../../support/world.ts";
import { type Pair, newPair, toBase64 } from "./certificate.ts";
import type { Browser } from "./idp.ts";

/**
 * An identity provider by SAML, without a library: it writes its XML in the canonical form, so the bytes that are signed are the bytes that are sent.
 */
export const [PROTOCOL, ASSERTION, DSIG] = [
  "urn:oasis:names:tc:SAML:2.0:protocol",
  "urn:oasis:names:tc:SAML:2.0:assertion",
  "http://www.w3.org/2000/09/xmldsig#",
];
const PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";

let shared: Promise<Pair> | undefined;
export const sharedPair = () => (shared ??= newPair());

export interface Said {
  issuer?: string;
  audience?: string | null;
  recipient?: string;
  destination?: string | null;
  /** Null leaves the attribute out, like a provider that begins the sign-in itself. */
  inResponseTo?: string | null;
  responseTo?: string | null;
  nameId?: string;
  format?: string;
  attributes?: Record<string, string[]>;
  /** Milliseconds that are added to the clock of the provider. */
  clock?: number;
  notBefore?: number;
  notOnOrAfter?: number;
  confirmedUntil?: number;
  sessionUntil?: number;
  status?: string;
  assertionId?: string;
  /** Markup at the end of the conditions, and at the end of the assertion. */
  conditions?: string;
  more?: string;
}

export interface Signing {
  pair?: Pair;
  signed?: "assertion" | "response" | "both" | "nothing";
  signatureMethod?: string;
  digestMethod?: string;
  /** Replaces the signature with the key. */
  sign?: (info: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
  /** Changes the assertion after it was signed. It gets the signed text and its signature. */
  wrap?: (parts: Parts) => string;
}

export interface Parts {
  /** The signed assertion without its signature, the signature, and both together. */
  bare: string;
  signature: string;
  signed: string;
  id: string;
  /** Puts an assertion into a response. */
  respond: (assertion: string, more?: string) => string;
}

const newId = () => `_${crypto.randomUUID()}`;
const encoder = new TextEncoder();

export class SamlIdp {
  readonly entityId = `https://idp.example/${crypto.randomUUID()}`;
  readonly ssoUrl = `https://idp.example/sso?tenant=1&x=y`;
  readonly pair: Pair;
  acsUrl = "https://stackpass.test/login/acme/sso/saml/acs";
  audience = "https://stackpass.test/login/acme/sso/saml/metadata";

  constructor(pair: Pair) {
    this.pair = pair;
  }

  static async start(): Promise<SamlIdp> {
    return new SamlIdp(await sharedPair());
  }

  metadata({ certificates = [this.pair.certificate], entityId = this.entityId, ssoUrl = this.ssoUrl, extra = "" } = {}): string {
    const keys = certificates.map(
      (certificate) =>
        `<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="${DSIG}"><ds:X509Data><ds:X509Certificate>\n${certificate}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`,
    );
    return `<?xml version="1.0" encoding="UTF-8"?><!-- from the provider --><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}">${extra}<IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="${PROTOCOL}">${keys.join("")}<NameIDFormat>${PERSISTENT}</NameIDFormat><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${ssoUrl.replaceAll("&", "&amp;")}"/></IDPSSODescriptor></EntityDescriptor>`;
  }

  /** The XML of a response. */
  async response(said: Said = {}, signing: Signing = {}): Promise<string> {
    const now = Date.now() + (said.clock ?? 0);
    const at = (time: number) => new Date(time).toISOString();
    const { signed = "assertion" } = signing;
    const id = said.assertionId ?? newId();
    const inResponseTo = said.inResponseTo ?? null;
    const responseTo = said.responseTo === undefined ? inResponseTo : said.responseTo;
    const issuer = `<saml:Issuer>${said.issuer ?? this.entityId}</saml:Issuer>`;
    const destination = said.destination === undefined ? this.acsUrl : said.destination;
    const audience = said.audience === undefined ? this.audience : said.audience;
    const attributes = Object.entries(
      said.attributes ?? { email: ["eve@acme.example"], displayName: ["Eve Example"], username: ["eve"] },
    ).map(
      ([name, values]) =>
        `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join("")}</saml:Attribute>`,
    );
    const start = `<saml:Assertion xmlns:saml="${ASSERTION}" ID="${id}" IssueInstant="${at(now)}" Version="2.0">${issuer}`;
    const rest =
      `<saml:Subject><saml:NameID Format="${said.format ?? PERSISTENT}">${said.nameId ?? "00u-eve"}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData${inResponseTo === null ? "" : ` InResponseTo="${inResponseTo}"`} NotOnOrAfter="${at(said.confirmedUntil ?? now + 300_000)}" Recipient="${said.recipient ?? this.acsUrl}"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>` +
      `<saml:Conditions NotBefore="${at(said.notBefore ?? now - 5000)}" NotOnOrAfter="${at(said.notOnOrAfter ?? now + 300_000)}">${audience === null ? "" : `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction>`}${said.conditions ?? ""}</saml:Conditions>` +
      `<saml:AuthnStatement AuthnInstant="${at(now)}"${said.sessionUntil === undefined ? "" : ` SessionNotOnOrAfter="${at(said.sessionUntil)}"`}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
      `<saml:AttributeStatement>${attributes.join("")}</saml:AttributeStatement>${said.more ?? ""}</saml:Assertion>`;
    const bare = start + rest;
    const signature = signed === "assertion" || signed === "both" ? await this.sign(bare, id, signing) : "";
    const responseId = newId();
    const open = `<samlp:Response xmlns:samlp="${PROTOCOL}"${destination === null ? "" : ` Destination="${destination}"`} ID="${responseId}"${responseTo === null ? "" : ` InResponseTo="${responseTo}"`} IssueInstant="${at(now)}" Version="2.0"><saml:Issuer xmlns:saml="${ASSERTION}">${said.issuer ?? this.entityId}</saml:Issuer>`;
    const status = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${said.status ?? "Success"}"></samlp:StatusCode></samlp:Status>`;
    const respond = (assertion: string, more = "") => `${open}${more}${status}${assertion}</samlp:Response>`;
    const parts = { bare, signature, signed: start + signature + rest, id, respond };
    if (signing.wrap) return signing.wrap(parts);
    const plain = respond(parts.signed);
    if (signed !== "response" && signed !== "both") return plain;
    return respond(parts.signed, await this.sign(plain, responseId, signing));
  }

  /** The enveloped signature of an element, computed over the canonical form of the element. */
  async sign(text: string, id: string, { pair = this.pair, signatureMethod, digestMethod, sign }: Signing = {}): Promise<string> {
    const hash = digestMethod?.endsWith("#sha1") ? "SHA-1" : "SHA-256";
    const digest = toBase64(await crypto.subtle.digest(hash, encoder.encode(text)));
    const info =
      `<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="${EXCLUSIVE}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="${signatureMethod ?? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}"></ds:SignatureMethod>` +
      `<ds:Reference URI="#${id}"><ds:Transforms><ds:Transform Algorithm="${DSIG}enveloped-signature"></ds:Transform><ds:Transform Algorithm="${EXCLUSIVE}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="${digestMethod ?? "http://www.w3.org/2001/04/xmlenc#sha256"}"></ds:DigestMethod><ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
    // In the canonical form, the signed element has the namespace that its parent declares.
    const bytes = new Uint8Array(encoder.encode(info.replace("<ds:SignedInfo>", `<ds:SignedInfo xmlns:ds="${DSIG}">`)));
    const value = sign ? await sign(bytes) : new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", pair.privateKey, bytes));
    return `<ds:Signature xmlns:ds="${DSIG}">${info}<ds:SignatureValue>${toBase64(value)}</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${pair.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`;
  }

  /** Sends a browser to the provider. @returns the request that it brings */
  async request(browser: Browser, start = "/login/acme/sso?next=%2Facme"): Promise<{ id: string; relayState: string; xml: string }> {
    const there = new URL(await browser.led(browser.get(start)));
    expect(there.origin + there.pathname).toBe("https://idp.example/sso");
    expect(there.searchParams.get("tenant")).toBe("1");
    const xml = await inflate(there.searchParams.get("SAMLRequest")!);
    return { id: / ID="([^"]+)"/.exec(xml)![1]!, relayState: there.searchParams.get("RelayState")!, xml };
  }

  /** Lets a browser send a form with a response, from the site of the provider. */
  post(browser: Browser, xml: string, relayState = "", acsUrl = this.acsUrl): Promise<Response> {
    return browser.foreignPost(acsUrl, { SAMLResponse: toBase64(encoder.encode(xml)), RelayState: relayState });
  }

  /** Takes a browser to the provider and back. @returns the answer of the page after the form */
  async visit(browser: Browser, said: Said = {}, signing: Signing = {}): Promise<Response> {
    const { id, relayState } = await this.request(browser);
    const answer = await this.post(browser, await this.response({ inResponseTo: id, ...said }, signing), relayState);
    return answer.status === 303 ? browser.get(answer.headers.get("Location")!) : answer;
  }
}

async function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Response(new Response(bytes).body!.pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

/** A connection of acme to a new provider by SAML. */
export async function connectSaml(world: World, more: Record<string, unknown> = {}): Promise<{ idp: SamlIdp; id: string }> {
  const idp = await SamlIdp.start();
  const json = { name: "Entra", kind: "saml", metadata: idp.metadata(), allowedDomains: ["acme.example"], groupClaim: "groups", ...more };
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/sso/connections", { token: world.admin, json });
  return { idp, id };
}
