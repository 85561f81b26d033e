/** Warning headers, which kubectl shows to people. */

const LIMIT = 4096;
const SHORT = 256;

/** Each text once, with the limits of k8s.io/apiserver: where all is too long, each is cut short. */
export function warningHeaders(texts: readonly string[]): string[] {
  const once = [...new Set(texts)].filter((text) => text !== "" && !hasControlCharacter(text));
  const total = once.reduce((sum, text) => sum + [...text].length, 0);
  if (total <= LIMIT) return once.map(headerLine);
  const cut = once.map((text) => [...text].slice(0, SHORT).join(""));
  let written = 0;
  return cut
    .filter((text) => {
      const fits = written < LIMIT;
      written += [...text].length;
      return fits;
    })
    .map(headerLine);
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function headerLine(text: string): string {
  // Node writes the characters of a header as bytes.
  const bytes = Buffer.from(text.replace(/[\\"]/g, "\\$&")).toString("latin1");
  return `299 - "${bytes}"`;
}
