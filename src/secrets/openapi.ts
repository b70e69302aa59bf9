import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const shown = {
  tags: ["Stacks"],
  summary: "Records in the audit log that the client shows decrypted secrets",
  answers: { 204: null },
};

export const secretOperations = {
  EncryptValue: {
    tags: ["Stacks"],
    summary: "Encrypts a value with the stack's key",
    answers: { 200: z.object({ ciphertext: z.string() }) },
  },
  BatchEncryptValue: {
    tags: ["Stacks"],
    summary: "Encrypts values with the stack's key, in order",
    answers: { 200: z.object({ ciphertexts: z.array(z.string()) }) },
  },
  DecryptValue: { tags: ["Stacks"], summary: "Decrypts a value; audited", answers: { 200: z.object({ plaintext: z.string() }) } },
  BatchDecryptValue: {
    tags: ["Stacks"],
    summary: "Decrypts values and returns them by their ciphertexts; audited as one event",
    answers: { 200: z.object({ plaintexts: z.record(z.string(), z.string()) }) },
  },
  LogOnlyDecryptValue: shown,
  LogOnlyBatchDecryptValue: shown,
} satisfies Operations;
