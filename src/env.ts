/** The bindings of `wrangler.toml`, as `wrangler types` writes them, and the variables that a deployment may have beside them. */
export interface Bindings extends Env {
  /** Optional secret: opens the metrics, see `operatorTokensOf`. */
  OPERATOR_TOKEN?: string;
  /** Optional: public keys of checkpoints whose master key is not listed any more, `id:base64url,…`. */
  AUDIT_PUBLIC_KEYS?: string;
  /** `true` on a server for development: it may call its own machine (`callOut`). Never set by a deployment. */
  LOCAL_DEVELOPMENT?: string;
  /** Optional secrets: what leak reports of scanners are signed with, see `isSignedByScanner`. */
  LEAK_SCANNER_KEYS?: string;
  LEAK_SCANNER_SECRET?: string;
  /** Optional setting: `true` answers plain HTTP from any host, see `refusePlainHttp`. */
  ALLOW_PLAIN_HTTP?: string;
}
