import { SignJWT } from "jose/jwt/sign";
import { exportJWK } from "jose/key/export";
import { generateKeyPair } from "jose/key/generate/keypair";

/** An identity provider whose keys an administrator registers, with calls of its pipelines. */
export async function newProvider(issuer: string, kid = "key") {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid }] },
    sign: (claims: Record<string, string>) =>
      new SignJWT({ aud: "urn:pulumi:org:acme", ...claims })
        .setProtectedHeader({ alg: "ES256", kid })
        .setIssuer(issuer)
        .setIssuedAt()
        .setExpirationTime("10m")
        .sign(privateKey),
  };
}

/** Exchanges a token for one of the organization acme. */
export const exchange = (url: string, token: string): Promise<Response> =>
  fetch(`${url}/api/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      audience: "urn:pulumi:org:acme",
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      requested_token_type: "urn:pulumi:token-type:access_token:organization",
      subject_token: token,
    }),
  });
