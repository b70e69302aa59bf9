import * as z from "zod/mini";
import { AS_BODY, list, text } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { STACK, stackParams } from "../stacks/path.ts";
import { decryptValues } from "./decrypt.ts";
import { encryptValues } from "./encrypt.ts";
import { noteDecryption } from "./noteDecryption.ts";

/** Of one call; the CLI sends up to 1,000 from states, and all of a configuration (cli-protocol §8.1). */
const MOST_VALUES = 10_000;

const LogDecryptionRequest = z.object({ secretName: z.nullish(text(10_000)), commandName: z.nullish(text(10_000)) });

export const secretRoutes = [
  defineRoute(
    {
      method: "POST",
      path: `${STACK}/encrypt`,
      operationId: "EncryptValue",
      permission: "stack:encrypt",
      drains: true,
      params: stackParams,
      body: z.object({ plaintext: text(AS_BODY) }),
    },
    async (ctx, { params, body }) => ({ ciphertext: (await encryptValues(ctx, params, [body.plaintext]))[0]! }),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK}/batch-encrypt`,
      operationId: "BatchEncryptValue",
      permission: "stack:encrypt",
      drains: true,
      params: stackParams,
      body: z.object({ plaintexts: z.nullish(list(text(AS_BODY), MOST_VALUES)) }),
      bodyLimit: "values",
    },
    async (ctx, { params, body }) => ({ ciphertexts: await encryptValues(ctx, params, body.plaintexts ?? []) }),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK}/decrypt`,
      operationId: "DecryptValue",
      permission: "stack:decrypt",
      params: stackParams,
      body: z.object({ ciphertext: text(AS_BODY) }),
    },
    async (ctx, { params, body }) => ({ plaintext: (await decryptValues(ctx, params, [body.ciphertext], "secret-decrypted"))[0]! }),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK}/batch-decrypt`,
      operationId: "BatchDecryptValue",
      permission: "stack:decrypt",
      params: stackParams,
      body: z.object({ ciphertexts: z.nullish(list(text(AS_BODY), MOST_VALUES)) }),
      bodyLimit: "values",
    },
    async (ctx, { params, body }) => {
      const ciphertexts = [...new Set(body.ciphertexts ?? [])];
      if (ciphertexts.length === 0) return { plaintexts: {} };
      const plaintexts = await decryptValues(ctx, params, ciphertexts, "secrets-batch-decrypted");
      return { plaintexts: Object.fromEntries(ciphertexts.map((text, i) => [text, plaintexts[i]!])) };
    },
  ),
  ...(
    [
      ["log-decryption", "LogOnlyDecryptValue", "secret-decrypted"],
      ["log-batch-decryption", "LogOnlyBatchDecryptValue", "secrets-batch-decrypted"],
    ] as const
  ).map(([name, operationId, event]) =>
    defineRoute(
      {
        method: "POST",
        path: `${STACK}/decrypt/${name}`,
        operationId,
        permission: "stack:decrypt",
        params: stackParams,
        body: LogDecryptionRequest,
      },
      (ctx, { params, body }) => noteDecryption(ctx, params, event, body.secretName || body.commandName || "unnamed"),
    ),
  ),
];
