import type { SamlService } from "./samlService.ts";

/** The bindings of `wrangler.toml`, as `wrangler types` generates them, and the optional variables of a deployment. */
export interface Bindings extends Env {
  /** Optional secret: authorizes reading the metrics, see `operatorTokensOf`. */
  OPERATOR_TOKEN?: string;
  /** Optional: public keys of checkpoints whose master key is no longer in `ENCRYPTION_KEYS`, `id:base64url,…`. */
  AUDIT_PUBLIC_KEYS?: string;
  /** Optional setting: further names of this deployment, separated by commas, which nothing may send to (`ownHostFault`). */
  OWN_HOSTS?: string;
  /** `true` on a server for development: it may call its own machine (`callOut`). A deployment must not set it. */
  LOCAL_DEVELOPMENT?: string;
  /** Optional secrets: they verify the signatures of scanners' leak reports, see `isSignedByScanner`. */
  LEAK_SCANNER_KEYS?: string;
  LEAK_SCANNER_SECRET?: string;
  /** Optional secret: the identity providers of the deployment, as JSON, see `deploymentProviders`. */
  SIGN_IN_PROVIDERS?: string;
  /** Optional setting: addresses of DNS resolvers that answer in JSON, separated by commas, for `verifyDomain`. */
  DNS_RESOLVERS?: string;
  /** Optional setting: days after which the deployment signs its own tokens with another key. */
  SIGNING_KEY_DAYS?: string;
  /** Optional setting: the address of the store that has the buckets of `…/auditlogs/export/config`, if it is not AWS, see `findBucket`. */
  AUDIT_EXPORT_STORE?: string;
  /** Optional binding `send_email`, or a provider in its place: they send mail, see `sendMail`. `MAIL_FROM` is the sender's address. */
  MAIL?: SendEmail;
  MAIL_PROVIDER?: string;
  MAIL_FROM?: string;
  /** Optional: the address of the provider, if it is not the usual one. */
  MAIL_URL?: string;
  /** Secret of the provider. */
  MAIL_TOKEN?: string;
  /** Optional setting: the address of the deployment, see `originOf`. */
  PUBLIC_URL?: string;
  /** Optional binding of the second Worker, which reads the XML of SAML: `npm run deploy -- --saml` adds it. */
  SAML?: SamlService;
  /** Number of the database that stores are opened in, see `atPlace`, which alone sets it. */
  place?: number;
  /** Optional setting: `true` answers plain HTTP from any host, see `refusePlainHttp`. */
  ALLOW_PLAIN_HTTP?: string;
}
