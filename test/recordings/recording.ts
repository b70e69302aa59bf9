/**
 * The requests of a Pulumi CLI and the answers of the server, recorded by `RECORD=1 npm run test:cli -- record`. `{{name}}` replaces a
 * value that differs each time: a token, lease, id, ciphertext or time.
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
