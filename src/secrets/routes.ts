import * as z from "zod/mini";
import { text, unread } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams } from "../stacks/params.ts";
import { type Shape, answerValues, quoted } from "./answer.ts";
import { decryptValues } from "./decrypt.ts";
import { encryptValues } from "./encrypt.ts";
import { ciphertexts, plaintexts } from "./limits.ts";
import { noteDecryption } from "./noteDecryption.ts";

const LogDecryptionRequest = z.object({ secretName: z.nullish(text(10_000)), commandName: z.nullish(text(10_000)) });

const oneResult = (name: string): Shape => ({ open: `{"${name}":`, item: quoted, close: "}" });
const listOfResults: Shape = { open: '{"ciphertexts":[', item: quoted, close: "]}" };
/** The keys are the exact strings of the request (cli-protocol §5.6). */
const mapOfResults: Shape = {
  open: '{"plaintexts":{',
  *item(result, key) {
    yield JSON.stringify(key);
    yield ":";
    yield* quoted(result);
  },
  close: "}}",
  isKeyed: true,
};

export const secretRoutes = [
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/encrypt`,
      operationId: "EncryptValue",
      permission: "stack:encrypt",
      drains: true,
      params: stackParams,
      body: z.object({ plaintext: unread(z.string()) }),
      values: plaintexts("plaintext", false),
    },
    (ctx, { params, values }) => answerValues(ctx, values, oneResult("ciphertext"), (texts) => encryptValues(ctx, params, texts)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/batch-encrypt`,
      operationId: "BatchEncryptValue",
      permission: "stack:encrypt",
      drains: true,
      params: stackParams,
      body: z.object({ plaintexts: unread(z.nullish(z.array(z.string()))) }),
      values: plaintexts("plaintexts", true),
    },
    (ctx, { params, values }) => answerValues(ctx, values, listOfResults, (texts) => encryptValues(ctx, params, texts)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/decrypt`,
      operationId: "DecryptValue",
      permission: "stack:decrypt",
      params: stackParams,
      body: z.object({ ciphertext: unread(z.string()) }),
      values: ciphertexts("ciphertext", false),
    },
    (ctx, { params, values }) =>
      answerValues(ctx, values, oneResult("plaintext"), (texts) => decryptValues(ctx, params, texts, "secret-decrypted")),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/batch-decrypt`,
      operationId: "BatchDecryptValue",
      permission: "stack:decrypt",
      params: stackParams,
      body: z.object({ ciphertexts: unread(z.nullish(z.array(z.string()))) }),
      values: ciphertexts("ciphertexts", true),
    },
    async (ctx, { params, values }) => {
      if (values.first.length === 0) return { plaintexts: {} };
      return answerValues(ctx, values, mapOfResults, (texts, part) => decryptValues(ctx, params, texts, "secrets-batch-decrypted", part));
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
        path: `${STACK_PATH}/decrypt/${name}`,
        operationId,
        permission: "stack:decrypt",
        params: stackParams,
        body: LogDecryptionRequest,
      },
      (ctx, { params, body }) => noteDecryption(ctx, params, event, body.secretName || body.commandName || "unnamed"),
    ),
  ),
];
