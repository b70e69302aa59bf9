import { join } from "node:path";

/** The path of an object in a copy, inside the copy's folder for every key, and different for every object. */
export const objectFile = (key: string): string => join("objects", ...key.split("/").map(segment));

/** `.` and `..` are not used as the name of a folder. */
function segment(text: string): string {
  if (text === "") return "%";
  return /^\.\.?$/.test(text) ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
}
