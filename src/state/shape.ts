/** Estimates how much memory a JSON text needs when it is parsed, which its length does not show. Pure. */

/** Maximum number of values in a text: lists, objects and values after a comma. Each needs up to 60 bytes after parsing. */
export const MOST_VALUES = 1_000_000;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Checks a JSON text before it is parsed. It need not be valid JSON: the parser checks that later.
 * @param mostLevels maximum number of levels of nested lists and objects
 * @returns the limit that the text exceeds, or undefined
 */
export function shapeFault(text: string, mostLevels = Infinity): "levels" | "values" | undefined {
  let levels = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++;
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++levels > mostLevels) return "levels";
        if (++values > MOST_VALUES) return "values";
        break;
      case COMMA:
        if (++values > MOST_VALUES) return "values";
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        levels--;
    }
  }
  return undefined;
}
