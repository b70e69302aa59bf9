/** The bindings of `wrangler.toml`, as `wrangler types` generates them, and the optional variables of a deployment. */
export interface Bindings extends Env {
  /** Optional secret: authorizes reading the metrics, see `operatorTokensOf`. */
  OPERATOR_TOKEN?: string;
  /** Optional: public keys of checkpoints whose master key is no longer in `ENCRYPTION_KEYS`, `id:base64url,…`. */
  AUDIT_PUBLIC_KEYS?: string;
  /** `true` on a server for development: it may call its own machine (`callOut`). A deployment must not set it. */
  LOCAL_DEVELOPMENT?: string;
  /** Optional secrets: they verify the signatures of scanners' leak reports, see `isSignedByScanner`. */
  LEAK_SCANNER_KEYS?: string;
  LEAK_SCANNER_SECRET?: string;
  /** Optional setting: days after which the deployment signs its own tokens with another key. */
  SIGNING_KEY_DAYS?: string;
  /** Optional setting: `true` answers plain HTTP from any host, see `refusePlainHttp`. */
  ALLOW_PLAIN_HTTP?: string;
}
