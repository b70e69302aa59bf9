import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChainRecord, canonical, chainAfter, chainFaultOf, genesis, hashOf, recordOf } from "../../src/audit/chain.ts";

const chainOf = (events: object[]): ChainRecord[] => {
  const records: ChainRecord[] = [];
  for (const event of events) records.push(chainAfter(records.at(-1) ?? genesis, event));
  return records;
};
const firstFault = (records: ChainRecord[]) => {
  let before: ChainRecord | undefined;
  for (const [i, record] of records.entries()) {
    const fault = chainFaultOf(record, before ?? genesis);
    if (fault) return { i, fault };
    before = record;
  }
  return undefined;
};
const records = fc
  .array(fc.record({ id: fc.uuid(), at: fc.nat(), description: fc.string({ unit: "binary" }), flag: fc.boolean() }), {
    minLength: 4,
    maxLength: 12,
  })
  .map(chainOf);
const place = fc.nat({ max: 1000 });

describe("a record", () => {
  it("has the hash that anyone can compute from the documented form", () => {
    const record = chainAfter(genesis, {
      id: "a",
      orgId: "o",
      at: 1,
      event: "stack-created",
      description: 'Stack "ü".',
      tokenName: "",
      authFailure: false,
    });
    expect(canonical(record)).toBe(
      `{"at":1,"description":"Stack \\"ü\\".","event":"stack-created","hash":"${record.hash}","id":"a","orgId":"o","prevHash":"${"0".repeat(64)}","seq":1}`,
    );
    // The result of sha256sum for the line without "hash", computed outside of this program.
    expect(record.hash).toBe("b8cb792cd5418825ed2eedb3cc4988fa48e11e38aa61feb222ddd4b878e23304");
  });

  it("keeps its hash through JSON, and with members that are empty or false", () => {
    fc.assert(
      fc.property(records, (chain) => {
        for (const record of chain) {
          const read = recordOf({ later: "", flag: false, never: null, ...(JSON.parse(canonical(record)) as object) });
          expect(hashOf(read)).toBe(record.hash);
        }
      }),
    );
  });
});

describe("the chain", () => {
  it("is good as it was made, and from any record on", () => {
    fc.assert(
      fc.property(records, place, (chain, n) => {
        expect(firstFault(chain)).toBeUndefined();
        expect(chainFaultOf(chain[n % chain.length]!, undefined)).toBeUndefined();
      }),
    );
  });

  it("shows an altered record, whichever member it was", () => {
    fc.assert(
      fc.property(records, place, fc.constantFrom("seq", "prevHash", "id", "at", "description", "flag", "new"), (chain, n, member) => {
        const i = n % chain.length;
        const old = chain[i]![member];
        chain[i] = { ...chain[i]!, [member]: typeof old === "number" ? old + 1 : typeof old === "boolean" ? "true" : `${old}x` };
        expect(firstFault(chain)).toEqual({ i, fault: "altered" });
      }),
    );
  });

  it("shows a deleted record by the one after it", () => {
    fc.assert(
      fc.property(records, place, (chain, n) => {
        const i = n % (chain.length - 1);
        expect(firstFault(chain.toSpliced(i, 1))).toEqual({ i, fault: "missing" });
      }),
    );
  });

  it("shows an inserted record, even with a hash of its own, and a repeated one", () => {
    fc.assert(
      fc.property(records, place, (chain, n) => {
        const i = n % (chain.length - 1);
        const forged = chainAfter(chain[i]!, { id: "forged" });
        expect(firstFault(chain.toSpliced(i + 1, 0, forged))).toEqual({ i: i + 2, fault: "repeated" });
        expect(firstFault(chain.toSpliced(i + 1, 1, forged))?.fault).toBe(i + 2 < chain.length ? "unlinked" : undefined);
        expect(firstFault(chain.toSpliced(i + 1, 0, chain[i]!))).toEqual({ i: i + 1, fault: "repeated" });
      }),
    );
  });

  it("shows records that changed places", () => {
    fc.assert(
      fc.property(records, place, (chain, n) => {
        const i = n % (chain.length - 1);
        expect(firstFault(chain.toSpliced(i, 2, chain[i + 1]!, chain[i]!))).toEqual({ i, fault: "missing" });
      }),
    );
  });
});
