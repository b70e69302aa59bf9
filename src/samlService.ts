/**
 * The interface of the second Worker (`saml/`), which is bound to this one as a service. It is the only code that reads XML; it has no other bindings and
 * calls nobody. Both Workers use these types.
 */

/** A connection that a response may belong to. */
export interface SamlCandidate {
  connectionId: string;
  /** The entity id of the identity provider. */
  issuer: string;
  /** The entity id of this server, which the assertion must be for. */
  audience: string;
  /** Certificates of the provider, base64 of DER. */
  certificates: string[];
}

export interface SamlQuestion {
  /** The field `SAMLResponse` of the form, as it came. */
  response: string;
  /** The address that the form was sent to. */
  acsUrl: string;
  candidates: SamlCandidate[];
  /** Milliseconds since 1970. The clock of the main Worker counts. */
  now: number;
}

/** The contents of an assertion after everything was verified. */
export interface SamlFacts {
  connectionId: string;
  issuer: string;
  nameId: string;
  nameIdFormat: "persistent" | "emailAddress";
  /** Values of the attributes, by their names. */
  attributes: [name: string, values: string[]][];
  assertionId: string;
  /** The id of the request that the assertion answers, from its signed part; null if the provider began the sign-in. */
  inResponseTo: string | null;
  /** The time until which the assertion would be accepted. Milliseconds since 1970. */
  usableUntil: number;
  /** The time at which the provider wants the session to end; null if it does not say. */
  sessionEndsAt: number | null;
}

/** The contents of an identity provider's metadata. */
export interface SamlMetadata {
  issuer: string;
  /** The address for requests with the binding HTTP-Redirect. */
  ssoUrl: string;
  certificates: string[];
  /** The formats of names that the provider announces. */
  nameIdFormats: string[];
  /** When the last of the certificates expires. Milliseconds since 1970. */
  validUntil: number;
}

/** Why something was refused. The reasons are stable; each has one sentence for people. */
export type SamlReason =
  | "size"
  | "encoding"
  | "markup"
  | "structure"
  | "status"
  | "encrypted"
  | "unsigned"
  | "algorithm"
  | "signature"
  | "issuer"
  | "destination"
  | "audience"
  | "recipient"
  | "expired"
  | "not-yet-valid"
  | "request"
  | "subject"
  | "metadata"
  | "certificate";

export interface SamlRefusal {
  refused: SamlReason;
  /** A complete sentence, which contains nothing of the document. */
  sentence: string;
}

export interface SamlService {
  verify: (question: SamlQuestion) => Promise<SamlFacts | SamlRefusal>;
  readMetadata: (xml: string) => Promise<SamlMetadata | SamlRefusal>;
}
