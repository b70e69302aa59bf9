/**
 * What a Pulumi CLI said to the server and was told, recorded by `RECORD=1 npm run test:cli -- record`.
 * `{{name}}` stands for what differs each time: tokens, leases, ids, ciphertexts, moments.
 */
export interface Session {
  /** Version of the CLI. */
  cli: string;
  /** Name of the organization token that it used. */
  token: string;
  exchanges: Exchange[];
}

export interface Exchange {
  method: string;
  path: string;
  authorization: string;
  userAgent: string;
  gzip?: true;
  request?: unknown;
  status: number;
  answer?: unknown;
}
