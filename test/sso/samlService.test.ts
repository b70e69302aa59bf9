import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { SamlFacts, SamlService } from "../../src/samlService.ts";
import { shareBindings } from "../support/fresh.ts";
import { newEllipticCertificate, newPair, toBase64 } from "./support/certificate.ts";
import { ASSERTION, DSIG, type Parts, type Said, SamlIdp, type Signing } from "./support/samlIdp.ts";

/** Calls the second Worker itself, through the binding of the main Worker. */
shareBindings(() => Promise.resolve());

const service = () => (env as unknown as { SAML: SamlService }).SAML;
const REQUEST = "_request";
const EVIL = "evil@acme.example";

let idp: SamlIdp;
beforeAll(async () => {
  idp = await SamlIdp.start();
});

const ask = (response: string) =>
  service().verify({
    response,
    acsUrl: idp.acsUrl,
    now: Date.now(),
    candidates: [{ connectionId: "c", issuer: idp.entityId, audience: idp.audience, certificates: [idp.pair.certificate] }],
  });
const encode = (xml: string) => toBase64(new TextEncoder().encode(xml));

/** What the service says of a document: the reason of its refusal, or "accepted". */
async function verdict(xml: string): Promise<string> {
  const answer = await ask(encode(xml));
  return "refused" in answer ? answer.refused : "accepted";
}

const respond = (said: Said = {}, signing: Signing = {}) => idp.response({ inResponseTo: REQUEST, ...said }, signing);

describe("a response that fits", () => {
  it("is read from its signed part", async () => {
    const attributes = { email: ["eve@acme.example"], groups: ["ops", "a &amp; b"], empty: [] };
    const sessionUntil = Math.floor(Date.now() / 1000) * 1000 + 3_600_000;
    const answer = await ask(encode(await respond({ attributes, sessionUntil, assertionId: "_a1" })));
    expect(answer).toMatchObject({
      connectionId: "c",
      issuer: idp.entityId,
      nameId: "00u-eve",
      nameIdFormat: "persistent",
      attributes: [
        ["email", ["eve@acme.example"]],
        ["groups", ["ops", "a & b"]],
        ["empty", []],
      ],
      assertionId: "_a1",
      inResponseTo: REQUEST,
      sessionEndsAt: sessionUntil,
    });
  });

  it.each<[string, Said, Signing?]>([
    ["with a signature of the assertion", {}],
    ["with a signature of the response as well", {}, { signed: "both" }],
    ["that the provider began", { inResponseTo: null }],
    ["of a fast clock, within a minute", { clock: 50_000 }],
    ["of a slow clock, within a minute", { clock: -50_000, notBefore: Date.now() + 30_000 }],
    ["with an address as its name", { format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", nameId: EVIL }],
    ["without a destination", { destination: null }],
    ["with conditions that are only advice", { conditions: "<saml:OneTimeUse></saml:OneTimeUse>" }],
  ])("%s is accepted", async (_, said, signing) => {
    expect(await verdict(await respond(said, signing))).toBe("accepted");
  });

  it("is accepted with the second of two certificates, and with line breaks in its base64", async () => {
    const xml = await respond();
    const answer = await service().verify({
      response: encode(xml).replaceAll(/(.{76})/g, "$1\r\n"),
      acsUrl: idp.acsUrl,
      now: Date.now(),
      candidates: [
        { connectionId: "other", issuer: "https://other.example", audience: idp.audience, certificates: [idp.pair.certificate] },
        {
          connectionId: "c",
          issuer: idp.entityId,
          audience: idp.audience,
          certificates: [(await newPair()).certificate, idp.pair.certificate],
        },
      ],
    });
    expect(answer).toMatchObject({ connectionId: "c" });
  });
});

describe("a response that does not fit is refused", () => {
  const minute = 60_000;
  it.each<[string, string, Said, Signing?]>([
    ["another audience", "audience", { audience: "https://other.example" }],
    ["no audience", "audience", { audience: null }],
    ["another recipient", "recipient", { recipient: "https://other.example/acs" }],
    ["another destination", "destination", { destination: "https://other.example/acs" }],
    ["no destination although it is signed", "destination", { destination: null }, { signed: "both" }],
    ["another issuer", "issuer", { issuer: "https://other.example" }],
    ["expired conditions", "expired", { notOnOrAfter: Date.now() - 2 * minute }],
    ["an expired confirmation", "expired", { confirmedUntil: Date.now() - 2 * minute }],
    ["conditions that are not valid yet", "not-yet-valid", { notBefore: Date.now() + 2 * minute }],
    ["a time in the future", "not-yet-valid", { clock: 2 * minute, notBefore: Date.now() }],
    [
      "an age of an hour, whatever its own limit is",
      "expired",
      { clock: -60 * minute, notOnOrAfter: Date.now() + minute, confirmedUntil: Date.now() + minute },
    ],
    ["a session that has ended", "expired", { sessionUntil: Date.now() - 1000 }],
    ["different requests in its two parts", "request", { responseTo: "_another" }],
    ["a request in its unsigned part only", "request", { inResponseTo: null, responseTo: REQUEST }],
    ["a failure as its status", "status", { status: "Responder" }],
    ["a name for this session only", "subject", { format: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }],
    ["a name without a meaning", "subject", { format: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified" }],
    ["an empty name", "subject", { nameId: " " }],
    ["an unknown condition", "structure", { conditions: "<saml:Condition></saml:Condition>" }],
    ["no signature", "unsigned", {}, { signed: "nothing" }],
    ["a signature around an assertion without one", "unsigned", {}, { signed: "response" }],
    ["SHA-1 in its signature", "algorithm", {}, { signatureMethod: `${DSIG}rsa-sha1` }],
    ["SHA-1 in its digest", "algorithm", {}, { digestMethod: `${DSIG}sha1` }],
    [
      "no canonical form",
      "algorithm",
      {},
      {
        wrap: ({ signed, respond: put }) =>
          put(
            signed.replace(
              `Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`,
              `Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"`,
            ),
          ),
      },
    ],
  ])("with %s: %s", async (_, reason, said, signing) => {
    expect(await verdict(await respond(said, signing))).toBe(reason);
  });

  it("with the key of somebody else, also if the document has its certificate", async () => {
    expect(await verdict(await respond({}, { pair: await newPair() }))).toBe("signature");
  });

  it("with the public key as the secret of an HMAC, under its own name and under that of RSA", async () => {
    const secrets = [
      idp.pair.certificate,
      `-----BEGIN CERTIFICATE-----\n${idp.pair.certificate.replaceAll(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`,
    ];
    for (const secret of secrets) {
      const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
      ]);
      const sign = async (info: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.sign("HMAC", key, info));
      expect(await verdict(await respond({}, { sign, signatureMethod: "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256" }))).toBe(
        "algorithm",
      );
      expect(await verdict(await respond({}, { sign }))).toBe("signature");
    }
  });

  it("with an encrypted assertion, with a sentence that says what to do", async () => {
    const wrap = ({ respond: put }: Parts) => put(`<saml:EncryptedAssertion xmlns:saml="${ASSERTION}"></saml:EncryptedAssertion>`);
    expect(await ask(encode(await respond({}, { wrap })))).toMatchObject({
      refused: "encrypted",
      sentence: expect.stringContaining("Switch the encryption") as string,
    });
  });
});

describe("markup that attacks parsers is refused before it is parsed", () => {
  it.each<[string, (xml: string) => string]>([
    ["a document type", (xml) => `<!DOCTYPE r [<!ENTITY e "x">]>${xml}`],
    ["an external entity", (xml) => `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml.replace("Eve Example", "&e;")}`],
    ["a document type in small letters", (xml) => `<!doctype r>${xml}`],
    ["a billion laughs", (xml) => `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>${xml}`],
    ["an entity of its own", (xml) => `<!ENTITY e "x">${xml}`],
    ["a processing instruction", (xml) => xml.replace("<saml:Subject>", "<?x y?><saml:Subject>")],
    ["a processing instruction in the signed name", (xml) => xml.replace("00u-eve", "00u-<?x y?>eve")],
    ["a second declaration", (xml) => `<?xml version="1.0"?><?xml version="1.0"?>${xml}`],
    ["a declaration of another encoding", (xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`],
    ["a comment in the signed name", (xml) => xml.replace("00u-eve", "00u-eve<!-- -->.evil")],
    ["CDATA", (xml) => xml.replace("00u-eve", "<![CDATA[00u-eve]]>")],
    ["a NUL", (xml) => xml.replace("00u-eve", "00u-\u0000eve")],
    ["text after the document", (xml) => `${xml}x`],
    ["a second root", (xml) => xml + xml],
    ["an element that does not end", (xml) => xml.slice(0, -10)],
    ["an unknown entity", (xml) => xml.replace("Eve Example", "&unknown;")],
    ["an attribute without quotes", (xml) => xml.replace('Version="2.0"', "Version=2.0")],
    ["an attribute that occurs twice", (xml) => xml.replace('Version="2.0"', 'Version="2.0" Version="2.0"')],
  ])("%s", async (_, change) => {
    expect(await verdict(change(await respond({ nameId: "00u-eve" })))).toBe("markup");
  });

  it("a comment in a name, although the provider signed it", async () => {
    // The signature does not cover comments: `admin@x<!-- -->.evil` must never be read as `admin@x`.
    const xml = await respond({ nameId: "admin@acme.example.evil" });
    expect(await verdict(xml)).toBe("accepted");
    expect(await verdict(xml.replace("admin@acme.example.evil", "admin@acme.example<!-- -->.evil"))).toBe("markup");
  });

  it("what is too large, too deep or not text", async () => {
    const deep = `${"<a>".repeat(60)}${"</a>".repeat(60)}`;
    expect(await verdict(await respond({ more: deep }))).toBe("size");
    expect(await verdict(await respond({ more: "<a></a>".repeat(4001) }))).toBe("size");
    const many = Array.from({ length: 4001 }, (_, i) => ` a${i}=""`).join("");
    expect(await verdict(await respond({ more: `<a${many}></a>` }))).toBe("size");
    expect(await verdict("x".repeat(100_000))).toBe("size");
    for (const response of ["", "%%%", "a", "PHg+===", "//8="])
      expect(await ask(response), response).toMatchObject({ refused: "encoding" });
    for (const text of ["hello", "<", "<a/>", "{}", "\ufeff<a></a>"]) expect(["markup", "structure"], text).toContain(await verdict(text));
  });
});

/** An assertion of the attacker, with the shape of the signed one. */
const evilOf = ({ bare, id }: Pick<Parts, "bare" | "id">, evilId = "_evil") =>
  bare.replace(id, evilId).replaceAll("eve@acme.example", EVIL).replace("00u-eve", "evil");
const before = (text: string, mark: string, more: string) => text.replace(mark, more + mark);

describe("signature wrapping is refused", () => {
  const END = "</saml:Assertion>";
  const inSignature = (signature: string, more: string) => before(signature, "</ds:Signature>", `<ds:Object>${more}</ds:Object>`);

  it.each<[string, (parts: Parts) => string]>([
    ["XSW3: another assertion before the signed one", ({ signed, respond: put, ...parts }) => put(evilOf(parts) + signed)],
    ["XSW3 behind it", ({ signed, respond: put, ...parts }) => put(signed + evilOf(parts))],
    ["XSW4: the signed assertion in the other one", ({ signed, respond: put, ...parts }) => put(before(evilOf(parts), END, signed))],
    [
      "XSW5: the signature in the other assertion, and the signed one behind it",
      ({ bare, signature, respond: put, ...parts }) =>
        put(evilOf({ bare, ...parts }).replace("<saml:Subject>", `${signature}<saml:Subject>`) + bare),
    ],
    [
      "XSW6: the signed assertion in the signature in the other one",
      ({ bare, signature, respond: put, ...parts }) =>
        put(evilOf({ bare, ...parts }).replace("<saml:Subject>", `${inSignature(signature, bare)}<saml:Subject>`)),
    ],
    [
      "XSW7: another assertion in extensions",
      ({ signed, respond: put, ...parts }) => put(signed, `<samlp:Extensions>${evilOf(parts)}</samlp:Extensions>`),
    ],
    [
      "XSW7 with the same id",
      ({ signed, id, respond: put, ...parts }) => put(signed, `<samlp:Extensions>${evilOf({ id, ...parts }, id)}</samlp:Extensions>`),
    ],
    [
      "XSW8: the signed assertion in an object of the signature",
      ({ bare, signature, respond: put, ...parts }) =>
        put(before(evilOf({ bare, ...parts }), "<saml:Subject>", inSignature(signature, bare))),
    ],
    [
      "the signed assertion in extensions, and an unsigned one in its place",
      ({ signed, respond: put, ...parts }) => put(evilOf(parts), `<samlp:Extensions>${signed}</samlp:Extensions>`),
    ],
    ["an assertion of another namespace beside it", ({ signed, respond: put }) => put(`${signed}<Assertion xmlns="urn:x"></Assertion>`)],
    ["two signatures in the assertion", ({ signed, signature, respond: put }) => put(signed.replace(signature, signature + signature))],
    ["two SignedInfo (CVE-2025-29775)", ({ signed, respond: put }) => put(signed.replace(/<ds:SignedInfo.*<\/ds:SignedInfo>/, "$&$&"))],
    [
      "an element in the digest value (CVE-2025-29774)",
      ({ signed, respond: put }) => put(signed.replace("<ds:DigestValue>", "<ds:DigestValue><a></a>")),
    ],
    ["a signature about the whole document", ({ signed, id, respond: put }) => put(signed.replace(`URI="#${id}"`, `URI=""`))],
    [
      "a second element with the id of the assertion",
      ({ signed, id, respond: put }) => put(signed, `<samlp:Extensions><a Id="${id}"></a></samlp:Extensions>`),
    ],
  ])("%s", async (_, wrap) => {
    expect(["structure", "unsigned"]).toContain(await verdict(await respond({}, { wrap })));
  });

  it.each<[string, (signed: string, evil: string, signature: string) => string]>([
    [
      "XSW1: the signed response behind the signature of another one",
      (signed, evil, signature) => evil.replace(signature, inSignature(signature, signed.replace(signature, ""))),
    ],
    [
      "XSW2: the signed response before it",
      (signed, evil, signature) => evil.replace(signature, signed.replace(signature, "") + signature),
    ],
  ])("%s", async (_, wrap) => {
    const signed = await respond({}, { signed: "both" });
    const signature = /<ds:Signature .*?<\/ds:Signature>/.exec(signed)![0];
    const evil = signed.replace(/ID="_[^"]+"/, 'ID="_evilresponse"').replaceAll("eve@acme.example", EVIL);
    expect(await verdict(wrap(signed, evil, signature))).toBe("structure");
  });

  it("a changed name or attribute makes the signature wrong, in the assertion and around it", async () => {
    for (const signed of ["assertion", "both"] as const)
      expect(await verdict((await respond({}, { signed })).replace("eve@acme.example", EVIL))).toBe("signature");
    // The response is signed as well, and it was changed outside of the assertion.
    const both = await respond({}, { signed: "both" });
    expect(await verdict(both.replace("<samlp:Status>", "<samlp:Extensions></samlp:Extensions><samlp:Status>"))).toBe("signature");
  });
});

it("no random change of a response is accepted with another content, and none makes the service fail", async () => {
  const xml = await respond({ attributes: { email: ["eve@acme.example"], groups: ["ops", "web"] } }, { signed: "both" });
  const good = (await ask(encode(xml))) as SamlFacts;
  const at = fc.nat({ max: xml.length - 1 });
  const piece = fc.tuple(at, fc.nat({ max: 400 })).map(([from, length]) => xml.slice(from, from + length));
  const tag = fc.constantFrom(...new Set(xml.match(/<[^>]+>/g)));
  const change = fc.oneof(
    fc
      .tuple(at, fc.nat({ max: 300 }), fc.oneof(piece, tag, fc.string({ maxLength: 20 }), fc.constant("")))
      .map(([from, length, more]) => xml.slice(0, from) + more + xml.slice(from + length)),
    // Two elements of the same kind are exchanged, and one element replaces another.
    fc.tuple(tag, tag).map(([one, other]) => xml.replace(one, "\u0001").replace(other, one).replace("\u0001", other)),
    fc.tuple(tag, tag).map(([one, other]) => xml.replaceAll(one, other)),
    fc
      .tuple(fc.constantFrom("eve@acme.example", "00u-eve", "ops", "2.0", "#", REQUEST), fc.string({ maxLength: 10 }))
      .map(([from, to]) => xml.replaceAll(from, () => to)),
  );
  await fc.assert(
    fc.asyncProperty(change, async (changed) => {
      const answer = await ask(encode(changed));
      if (!("refused" in answer)) expect({ ...answer, usableUntil: 0 }).toEqual({ ...good, usableUntil: 0 });
    }),
    { numRuns: inject("sizes").samlMutations, seed: inject("seed"), examples: [[xml]] },
  );
}, 300_000);

describe("metadata", () => {
  it("name the provider, its address and its certificates", async () => {
    const answer = await service().readMetadata(idp.metadata());
    expect(answer).toMatchObject({ issuer: idp.entityId, ssoUrl: idp.ssoUrl, certificates: [idp.pair.certificate] });
  });

  it.each<[string, string, () => Promise<string> | string]>([
    ["nothing", "markup", () => ""],
    ["a document type", "markup", () => `<!DOCTYPE a>${idp.metadata()}`],
    [
      "those of this server",
      "metadata",
      () => `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"><SPSSODescriptor/></EntityDescriptor>`,
    ],
    [
      "two providers",
      "metadata",
      () =>
        `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${[1, 2].map(() => idp.metadata().replace(/^.*?-->/, "")).join("")}</EntitiesDescriptor>`,
    ],
    ["no entity id", "metadata", () => idp.metadata({ entityId: "" })],
    ["no certificate", "metadata", () => idp.metadata({ certificates: [] })],
    ["a certificate that is none", "certificate", () => idp.metadata({ certificates: ["AAAA"] })],
    ["a weak key", "certificate", async () => idp.metadata({ certificates: [(await newPair(1024)).certificate] })],
    ["an elliptic key", "certificate", async () => idp.metadata({ certificates: [await newEllipticCertificate()] })],
    ["no address", "metadata", () => idp.metadata({ ssoUrl: "javascript:alert(1)" })],
    ["too many characters", "size", () => idp.metadata({ extra: `<!--${"x".repeat(300_000)}-->` })],
  ])("are refused: %s", async (_, reason, xml) => {
    expect(await service().readMetadata(await xml())).toMatchObject({ refused: reason });
  });
});
