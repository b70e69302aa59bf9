/** What is at an address of the tests' web server (test/cli/support/documents.ts). `huge` never ends, and `slow` never begins. */
export interface Document {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  how?: "huge" | "slow" | "broken";
}
