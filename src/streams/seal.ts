import type { Bindings } from "../env.ts";
import { openValue, sealValue } from "../secrets/sealed.ts";
import type { Credentials } from "./destination.ts";

/** The key of a stream's credentials. No stack has such an id. */
export const keyNameOf = (streamId: string) => `audit stream ${streamId}`;

/** Encrypts credentials for the stream's row. */
export const seal = (env: Bindings, streamId: string, credentials: Credentials): Promise<string> =>
  sealValue(env, keyNameOf(streamId), credentials);

/** @returns undefined when the master key of the credentials is no longer in the settings */
export const open = (env: Bindings, streamId: string, sealed: string): Promise<Credentials | undefined> =>
  openValue<Credentials>(env, keyNameOf(streamId), sealed);
