/**
 * `npm run secrets -- --to FILE`: generates the two secrets that a deployment needs, into a new file outside of this checkout that only its
 * owner can read. It does not print the values.
 */
import { newSecrets } from "./newSecrets.ts";
import { readOptions } from "./options.ts";
import { newFileOutside, writeNewFile } from "./secretsFile.ts";

const file = newFileOutside("--to", readOptions({ to: { type: "string" } }).to);
writeNewFile(file, newSecrets());
console.log(`Two secrets are in ${file}, which only you can read.

  npm run deploy -- --secrets-file ${file}

Keep a copy in a safe place. Without it, all tokens are invalid and no secret can be decrypted.`);
