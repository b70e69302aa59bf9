import { X509Certificate } from "node:crypto";
import type { SamlMetadata } from "../src/samlService.ts";
import { METADATA, SIGNATURE, type XmlElement, childrenNamed, isNamed, parseXml, plainText, withDescendants } from "./dom.ts";
import { Refused } from "./refused.ts";
import { MOST_METADATA, requirePlainXml } from "./text.ts";

const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const MOST_CERTIFICATES = 10;
const MOST_ISSUER = 500;
/** Bits of an RSA key. */
const LEAST_BITS = 2048;

const wrong = (sentence: string) => new Refused("metadata", sentence);

/** Reads the metadata of an identity provider. An administrator vouches for them, so a signature of the metadata is not checked. @throws Refused */
export function readMetadata(text: string): SamlMetadata {
  if (text.length > MOST_METADATA) throw new Refused("size", `The metadata have more than ${MOST_METADATA} characters.`);
  const root = parseXml(requirePlainXml(text.replace(/^\ufeff/, "").trimStart(), true));
  const providers = [...withDescendants(root)].filter((element) => isNamed(element, METADATA, "IDPSSODescriptor"));
  const [descriptor, ...others] = providers;
  const entity = descriptor?.parent;
  if (!descriptor || others.length > 0 || !entity || !isNamed(entity, METADATA, "EntityDescriptor"))
    throw wrong("The metadata must be the XML of exactly one identity provider: an EntityDescriptor with an IDPSSODescriptor.");
  const issuer = entity.attributes.get("entityID") ?? "";
  if (issuer === "" || issuer.length > MOST_ISSUER || /[\p{Cc}\s]/u.test(issuer))
    throw wrong(`The metadata must name the provider by an entityID of at most ${MOST_ISSUER} characters, without spaces.`);
  const ssoUrl = childrenNamed(descriptor, METADATA, "SingleSignOnService")
    .find(({ attributes }) => attributes.get("Binding") === REDIRECT)
    ?.attributes.get("Location");
  if (!ssoUrl || ssoUrl.length > 2000 || !/^https?:\/\/[^\s"'<>]+$/.test(ssoUrl) || !URL.canParse(ssoUrl))
    throw wrong("The metadata must have a SingleSignOnService with the binding HTTP-Redirect and an address.");
  const certificates = [
    ...new Set(
      childrenNamed(descriptor, METADATA, "KeyDescriptor")
        .filter(({ attributes }) => (attributes.get("use") ?? "signing") === "signing")
        .flatMap(certificatesIn),
    ),
  ];
  if (certificates.length === 0) throw wrong("The metadata have no certificate for signatures.");
  if (certificates.length > MOST_CERTIFICATES) throw wrong(`The metadata have more than ${MOST_CERTIFICATES} certificates for signatures.`);
  return {
    issuer,
    ssoUrl,
    certificates,
    nameIdFormats: childrenNamed(descriptor, METADATA, "NameIDFormat")
      .flatMap((format) => plainText(format)?.slice(0, 200) ?? [])
      .slice(0, 20),
    validUntil: Math.max(...certificates.map(requireCertificate)),
  };
}

const certificatesIn = (key: XmlElement) =>
  [...withDescendants(key)]
    .filter((element) => isNamed(element, SIGNATURE, "X509Certificate"))
    .map((element) => (plainText(element) ?? "").replaceAll(/\s/g, ""));

/** @returns the time at which the certificate expires @throws Refused for a key that is too weak, or of a kind that cannot be used */
function requireCertificate(base64: string): number {
  const invalid = new Refused("certificate", "A certificate of the metadata cannot be read.");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw invalid;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(`-----BEGIN CERTIFICATE-----\n${base64.replaceAll(/(.{64})/g, "$1\n")}\n-----END CERTIFICATE-----\n`);
  } catch {
    throw invalid;
  }
  const { publicKey, validTo } = certificate;
  const { modulusLength = 0 } = (publicKey.asymmetricKeyDetails ?? {}) as { modulusLength?: number };
  if (publicKey.asymmetricKeyType !== "rsa" || modulusLength < LEAST_BITS)
    throw new Refused(
      "certificate",
      `A certificate of the metadata does not have an RSA key of at least ${LEAST_BITS} bits. Only RSA is supported.`,
    );
  const end = Date.parse(validTo);
  if (!Number.isFinite(end)) throw invalid;
  return end;
}
