import { Refused } from "./refused.ts";

/** Maximum number of characters of a response, in base64. A response of Entra with 150 groups has 20,000. */
export const MOST_RESPONSE = 96 * 1024;
/** Maximum number of characters of metadata. Those of Entra have 70,000. */
export const MOST_METADATA = 256 * 1024;
/** Maximum number of tags and of attributes of a document. The libraries take time that grows faster than their number. */
const MOST_TAGS = 8000;
const MOST_ATTRIBUTES = 4000;

/** The XML of a response in base64. @throws Refused */
export function decodeResponse(response: string): string {
  if (response.length > MOST_RESPONSE) throw new Refused("size", `The response has more than ${MOST_RESPONSE} characters.`);
  const base64 = response.replaceAll(/[\t\n\r ]/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) throw new Refused("encoding", "The response is not valid base64.");
  try {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("encoding", "The response is not valid UTF-8.");
  }
}

const DECLARATION = /^<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)?\s*\?>/i;

/**
 * Refuses what no response needs and what attacks on parsers use, before anything is parsed: document types, entities, CDATA, comments, processing
 * instructions, characters that XML does not have, and more tags than a response can have (identity-facts S-4, S-6).
 * @param comments whether comments are allowed, as in metadata that somebody wrote by hand
 * @returns the text without its declaration
 * @throws Refused
 */
export function requirePlainXml(text: string, comments = false): string {
  const xml = text.replace(DECLARATION, "");
  if (/<\?/.test(xml)) throw new Refused("markup", "The document contains a processing instruction, or an encoding other than UTF-8.");
  if (comments ? /<!(?!--)/.test(xml) : /<!/.test(xml))
    throw new Refused("markup", `The document contains a document type, an entity, ${comments ? "or CDATA" : "a comment, or CDATA"}.`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(xml) || !xml.isWellFormed())
    throw new Refused("markup", "The document contains a character that XML does not have.");
  let tags = 0;
  for (let at = xml.indexOf("<"); at >= 0; at = xml.indexOf("<", at + 1)) tags++;
  if (tags > MOST_TAGS) throw new Refused("size", `The document has more than ${MOST_TAGS} tags.`);
  if ((xml.match(/=\s*["']/g)?.length ?? 0) > MOST_ATTRIBUTES)
    throw new Refused("size", `The document has more than ${MOST_ATTRIBUTES} attributes.`);
  return xml.trim();
}
