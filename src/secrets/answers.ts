import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";

export const secretAnswers: Answers = {
  EncryptValue: { 200: z.object({ ciphertext: z.string() }) },
  BatchEncryptValue: { 200: z.object({ ciphertexts: z.array(z.string()) }) },
  DecryptValue: { 200: z.object({ plaintext: z.string() }) },
  BatchDecryptValue: { 200: z.object({ plaintexts: z.record(z.string(), z.string()) }) },
  LogOnlyDecryptValue: { 204: null },
  LogOnlyBatchDecryptValue: { 204: null },
};
