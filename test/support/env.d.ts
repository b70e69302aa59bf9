declare namespace Cloudflare {
  interface Env {
    TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
    OPERATOR_TOKEN: string;
    LEAK_SCANNER_SECRET?: string;
    ALLOW_PLAIN_HTTP?: string;
    LISTS_SCALE: string;
    DOCUMENTS: string;
    SECOND: D1Database;
    DB_2?: D1Database;
    PUBLIC_CONTRACT: import("./contract.ts").Contract | false;
  }
}
