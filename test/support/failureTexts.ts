/** For each vitest configuration: a failure names the values of a list, because "Array(1)" says nothing in a summary. */
export const failureTexts = { truncateThreshold: 1000 };
