import type { SamlReason, SamlRefusal } from "../src/samlService.ts";

/** A document that is refused. The sentence is for people, and contains nothing of the document. */
export class Refused extends Error {
  readonly reason: SamlReason;

  constructor(reason: SamlReason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }

  toAnswer(): SamlRefusal {
    return { refused: this.reason, sentence: this.message };
  }
}
