import { join } from "node:path";

/** Where a copy keeps an object, below the copy's folder: whatever its key is, nowhere else, and no other object's place. */
export const objectFile = (key: string): string => join("objects", ...key.split("/").map(segment));

/** A folder's name that stands for itself or the one above is none. */
function segment(text: string): string {
  if (text === "") return "%";
  return /^\.\.?$/.test(text) ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
}
