import { toBase64 } from "../bytes/base64.ts";

/** The texts of SAML that this server writes. Reading is the work of the second Worker. */

const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The part of a path below which the addresses of SAML are. */
const samlPath = (orgName: string) => `/login/${encodeURIComponent(orgName)}/sso/saml`;

/** Where the provider's answer arrives: the assertion consumer service. The path is that of Pulumi Cloud (identity-facts S-7). */
export const acsUrlFor = (orgName: string, origin: string) => `${origin}${samlPath(orgName)}/acs`;
export const samlMetadataUrlFor = (orgName: string, origin: string) => `${origin}${samlPath(orgName)}/metadata`;
/** Where the browser goes on after the answer was taken. */
export const samlArrivalPath = samlPath;

export interface SamlRequest {
  id: string;
  /** The address at the provider. */
  ssoUrl: string;
  acsUrl: string;
  /** The entity id of this server. */
  entityId: string;
  relayState: string;
  now: number;
}

/**
 * The address with a request for a sign-in, by the binding HTTP-Redirect. It asks for no format of the name: the provider has a setting for it. It is not
 * signed, because it asks for nothing that is not public: the answer goes to a registered address only.
 */
export async function samlRequestUrl({ id, ssoUrl, acsUrl, entityId, relayState, now }: SamlRequest): Promise<string> {
  const xml = `<samlp:AuthnRequest xmlns:samlp="${PROTOCOL}" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="2.0" IssueInstant="${new Date(now).toISOString()}" Destination="${escaped(ssoUrl)}" AssertionConsumerServiceURL="${escaped(acsUrl)}" ProtocolBinding="${POST}"><saml:Issuer>${escaped(entityId)}</saml:Issuer><samlp:NameIDPolicy AllowCreate="true"/></samlp:AuthnRequest>`;
  const deflated = new Response(xml).body!.pipeThrough(new CompressionStream("deflate-raw"));
  const url = new URL(ssoUrl);
  url.searchParams.set("SAMLRequest", toBase64(new Uint8Array(await new Response(deflated).arrayBuffer())));
  url.searchParams.set("RelayState", relayState);
  return url.href;
}

/** The metadata of this server, for an administrator of the identity provider. */
export const serverMetadata = (entityId: string, acsUrl: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${escaped(entityId)}">
  <md:SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" protocolSupportEnumeration="${PROTOCOL}">
    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>
    <md:AssertionConsumerService Binding="${POST}" Location="${escaped(acsUrl)}" index="0" isDefault="true"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
`;
