import { randomBytes } from "node:crypto";

const random = () => randomBytes(32).toString("base64url");

/** The two secrets of a deployment, as lines for `--secrets-file`. A shell can read them, too. */
export const newSecrets = (): string => `TOKEN_PEPPER=${random()}\nENCRYPTION_KEYS=1:${random()}\n`;

/** A value for the secret `OPERATOR_TOKEN`. */
export const newOperatorToken = random;
