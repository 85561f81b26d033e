/** What stands in place of values tells nothing of them: not which are the same, and not how long they are. */
import { expect } from "chai";
import type { Seed } from "./seeds.ts";

/** As far as it matters here. */
export interface Shown {
  metadata: { name: string; namespace: string };
  data: Record<string, string>;
  sizes: Record<string, string>;
}

const PLACEHOLDER = /^\[masked:[\w-]{24}\.[\w-]{20}\]$/;
/** Of two random texts as long as these, so many letters in a row are the same at one place once in 10^12 pairs. */
const SHARED = 7;
const CONSTANT = "[masked:".length;
const SIZES = ["empty", "up to 64 B", "up to 1 KiB", "up to 16 KiB", "up to 256 KiB", "over 256 KiB"];

/** Of everything that is shown, each Secret once. */
export function checkPlaceholders(shown: readonly Shown[], seeds: readonly Seed[]): void {
  expect(shown.map(nameOf)).to.include.members(seeds.map(({ manifest }) => nameOf(manifest)));
  const pieces = new Map<string, string>();
  for (const secret of shown)
    for (const [key, encoded] of Object.entries(secret.data)) {
      const spot = `${nameOf(secret)}[${key}]`;
      const text = Buffer.from(encoded, "base64").toString();
      expect(text, spot).to.match(PLACEHOLDER);
      expect(secret.sizes[key], spot).to.be.oneOf(SIZES);
      for (let at = CONSTANT; at + SHARED < text.length; at++) {
        const piece = text.slice(at, at + SHARED);
        expect(pieces.get(piece) ?? spot, `${piece} is in two placeholders`).to.equal(spot);
        pieces.set(piece, spot);
      }
    }
}

/** The marks of values that were there, in approvals: none stands at two places. Those of values sent are the sender's own. */
export function checkMarks(texts: readonly { at: string; text: string }[]): number {
  const places = new Map<string, string>();
  for (const { at, text } of texts)
    for (const [mark] of text.matchAll(/\[masked: value [\w-]{24}\]/g)) {
      expect(places.get(mark) ?? at, `${mark} is at two places`).to.equal(at);
      places.set(mark, at);
    }
  return places.size;
}

function nameOf({
  metadata: { namespace, name },
}: {
  metadata: { namespace: string; name: string };
}): string {
  return `${namespace}/${name}`;
}
