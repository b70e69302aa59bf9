import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** The public part of a key, as JWKS publishes it (RFC 7517). */
export interface PublicJwk {
  kty: "RSA";
  kid: string;
  use: "sig";
  alg: "RS256";
  n: string;
  e: string;
}

/** Keys that the deployment signs its own tokens with, one after the other. Times are milliseconds since 1970. */
export const signingKeys = sqliteTable("signing_keys", {
  /** 1 for the first key. Of two Workers that make the next key at the same time, one inserts it. */
  generation: integer("generation").primaryKey(),
  kid: text("kid").notNull(),
  publicKey: text("public_key", { mode: "json" }).$type<PublicJwk>().notNull(),
  /** PKCS #8, encrypted with a master key, base64. */
  sealedKey: text("sealed_key").notNull(),
  createdAt: integer("created_at").notNull(),
  /** When it begins to sign. It is published before, so that nobody sees a token of an unknown key. */
  activeAt: integer("active_at").notNull(),
});
