import { WorkerEntrypoint } from "cloudflare:workers";
import type { SamlFacts, SamlMetadata, SamlQuestion, SamlRefusal, SamlService } from "../src/samlService.ts";
import { readMetadata } from "./metadata.ts";
import { Refused } from "./refused.ts";
import { verifyResponse } from "./verify.ts";

/**
 * The second Worker, which reads the XML of SAML for the first one. It has no bindings, stores nothing, calls nobody, and has no address: only the Worker that
 * is bound to it reaches it.
 */
export default class Saml extends WorkerEntrypoint implements SamlService {
  verify(question: SamlQuestion): Promise<SamlFacts | SamlRefusal> {
    return answer(() => verifyResponse(question));
  }

  readMetadata(xml: string): Promise<SamlMetadata | SamlRefusal> {
    return answer(() => readMetadata(xml));
  }

  override fetch(): Response {
    return new Response(null, { status: 404 });
  }
}

/** A document that makes a library fail is refused as well: no document is a fault of this Worker. */
async function answer<T>(work: () => T | Promise<T>): Promise<T | SamlRefusal> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refused) return error.toAnswer();
    console.error(JSON.stringify({ message: "saml document failed", error: (error as Error).name }));
    return new Refused("structure", "The document cannot be read.").toAnswer();
  }
}
