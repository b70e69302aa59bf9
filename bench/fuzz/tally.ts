/** Counts answers and collects faults. */
import { type Operation, operationFor } from "./document.ts";
import { type Judge, type Exchange } from "./judge.ts";
import { type Received, type Sent, textOf } from "./send.ts";
import type { Credential } from "./world.ts";

export interface Fault {
  what: string;
  credential: string;
  request: string;
  body: string;
  answer: string;
}

/** Calls that may end the caller's own credential. Afterwards a 401 is correct. */
const endings = /^(DeleteOrgToken|DeletePersonalToken|DisableOrgToken|Rotate\w*|DeleteOrganizationMember|ReportTokenLeak\w*)$/;

const endsTokens = ({ operationId }: Operation, { method }: Sent) => endings.test(operationId) || method === "DELETE";

export class Tally {
  readonly faults: Fault[] = [];
  readonly counts = new Map<string, Map<string, number>>();
  /** Answers by operation and status. */
  readonly reached = new Map<string, Map<string, number>>();
  /** Operations whose answers contained the canary of the caller's own organization, by organization. */
  readonly ownSeen = new Map<string, Set<string>>();
  /** Bytes of the largest answer with a status of 400 or above. */
  largestRefusal = 0;
  /** Number of lines in the Worker's log. */
  lines = 0;
  /** Whether the credential in use may have ended by its own call. */
  mayHaveEnded = false;
  /** Number of such calls that have no answer yet. */
  #ending = 0;
  readonly #operations: Operation[];
  #judge: Judge;

  constructor(operations: Operation[], judge: Judge) {
    this.#operations = operations;
    this.#judge = judge;
  }

  /** Call this before a request, and call the result after its answer was noted: a credential may end before the answer arrives. */
  sending(sent: Sent): () => void {
    const operation = operationFor(this.#operations, sent.method, sent.path);
    if (!operation || !endsTokens(operation, sent)) return () => undefined;
    this.#ending++;
    return () => void this.#ending--;
  }

  /** @returns whether a new world is needed, because the credential has ended or its user has left the organization */
  note(source: string, credential: Credential, sent: Sent, received: Received): boolean {
    const { status, headers, body } = received;
    const operation = operationFor(this.#operations, sent.method, sent.path);
    const exchange: Exchange = {
      credential: underALease(sent) ? { ...credential, kind: "lease" } : credential,
      method: sent.method,
      path: sent.path,
      operation,
      status,
      contentType: String(headers["content-type"] ?? ""),
      requestId: String(headers["x-pulumi-request-id"] ?? ""),
      body: body.toString(),
    };
    const kind = `${Math.floor(status / 100)}xx`;
    count(this.counts, `${source}: ${credential.name}`, kind);
    if (operation) count(this.reached, operation.operationId, String(status));
    if (status >= 400) this.largestRefusal = Math.max(this.largestRefusal, body.length);
    if (operation && status < 300 && endsTokens(operation, sent)) this.mayHaveEnded = true;
    if (operation && this.#judge.showsOwn(exchange)) {
      const { of } = credential;
      this.ownSeen.set(of!, (this.ownSeen.get(of!) ?? new Set()).add(operation.operationId));
    }
    const over = status === 401 && credential.kind === "token" && (this.mayHaveEnded || this.#ending > 0);
    for (const what of this.#judge.faults(exchange)) {
      if (over && what.startsWith("401")) continue;
      this.found({
        what,
        credential: credential.name,
        request: `${sent.method} ${sent.path}`,
        body: textOf(sent.body).slice(0, 2000),
        answer: `${status} ${exchange.body.slice(0, 600)}`,
      });
    }
    return over || (status < 300 && operation?.operationId === "LeaveOrganization");
  }

  /** Collects a fault, and prints it at once in case the run is interrupted. */
  found(fault: Fault): void {
    this.faults.push(fault);
    if (this.faults.length <= 20)
      console.log(`FAULT: ${fault.what}: ${fault.credential}: ${fault.request.slice(0, 300)}: ${fault.answer.slice(0, 300)}`);
  }

  /** Checks a line of the Worker's log: it must not contain credentials or texts of users. */
  logged(line: string): void {
    this.lines++;
    const secret = /pul-[0-9a-f]{40}|update-token \S{20}|kanari-/.exec(line)?.[0];
    const bug = line.includes("unexpected error");
    if (!secret && !bug) return;
    this.found({
      what: bug ? "an unexpected error in the log" : `the log contains ${secret!.slice(0, 12)}`,
      credential: "",
      request: "log",
      body: "",
      answer: line.slice(0, 600),
    });
  }

  /** Counts the answer for a page of the console, and collects its faults. */
  page(reader: string, sent: Sent, received: Received, faults: string[]): void {
    count(this.counts, `pages: ${reader}`, `${Math.floor(received.status / 100)}xx`);
    for (const what of faults)
      this.found({
        what,
        credential: `browser, ${reader}`,
        request: `${sent.method} ${sent.path}`,
        body: textOf(sent.body).slice(0, 2000),
        answer: `${received.status} ${received.body.toString().slice(0, 600)}`,
      });
  }

  get total(): number {
    return [...this.counts.values()].flatMap((row) => [...row.values()]).reduce((a, b) => a + b, 0);
  }
}

const underALease = ({ headers }: Sent) => (headers["Authorization"] ?? headers["authorization"] ?? "").startsWith("update-token ");

function count(table: Map<string, Map<string, number>>, row: string, column: string): void {
  const cells = table.get(row) ?? new Map<string, number>();
  table.set(row, cells.set(column, (cells.get(column) ?? 0) + 1));
}
