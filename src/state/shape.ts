/** How much memory a JSON text needs when it is parsed: its length does not show it. Pure. */

/** Lists, objects and what follows a comma. Parsed, each needs up to 60 bytes. */
export const MOST_VALUES = 1_000_000;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Looks through a JSON text before it is parsed. The text need not be JSON: then the parser refuses it.
 * @param mostLevels of lists and objects, one in the other
 * @returns what it has too many of, or undefined
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
