/** What authorizes a request over HTTP: in its headers (RFC 9110, 6750, 6265), and in its address. */
import type { Pattern } from "./pattern.ts";

export const AUTHORIZATION: readonly Pattern[] = [
  {
    kind: "token",
    hints: ["authorization"],
    find: /(?<keep>authorization["']?\s{0,3}[:=]\s{0,3}["']?(?:basic|bearer|token)\s{1,3})[\w.~+/=-]{4,}/gi,
  },
  { kind: "token", hints: ["bearer"], find: /(?<keep>\bbearer\s{1,3})[\w.~+/=-]{16,}/gi },
];

/** The signature in an address of Azure's storage (SAS): whoever has the address may use it. */
export const SIGNATURE: Pattern = {
  kind: "token",
  hints: ["sig="],
  find: /(?<keep>[?&;]sig=)[\w%+/=-]{20,}/g,
};

export const COOKIE: Pattern = {
  kind: "token",
  hints: ["cookie:"],
  find: /(?<keep>\bcookie:[ \t]{0,3})[\w.-]{1,100}=[\w.%+/=~:-]{8,}(?:; ?[\w.-]{1,100}=[\w.%+/=~:-]*)*/gi,
};
