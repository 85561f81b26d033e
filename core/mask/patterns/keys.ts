/** Private keys in files, and the names of AWS's access keys. */
import type { Pattern } from "./pattern.ts";

export const PRIVATE_KEYS: readonly Pattern[] = [
  // PEM (RFC 7468), and OpenPGP's armor (RFC 9580). A key that is cut off before its last line is hidden as far as it goes.
  {
    kind: "private key",
    hints: ["private key-----", "private key block-----"],
    find: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\[nrt])+(?:(?:Proc-Type|DEK-Info|Comment|Version): [A-Za-z0-9, .()/-]{1,100}(?=\s|\\)|[A-Za-z0-9+/=]{20,}|[A-Za-z0-9+/=]+(?=(?:\s|\\[nrt])*(?:=[A-Za-z0-9+/]{4}(?:\s|\\[nrt])*)?-----END)))*(?:(?:\s|\\[nrt])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
  },
  // The same in base64: `-----BEGIN` and then, in this order, RSA, PKCS #8, EC, OpenSSH, DSA, ENCRYPTED.
  {
    kind: "private key",
    hints: ["ls0tls1crudjti"],
    find: /LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURSBLRVkt|BQUklWQVRFIEtFWS0t|BFQyBQUklWQVRFIEtFWS0t|BPUEVOU1NIIFBSSVZBVEUgS0VZ|BEU0EgUFJJVkFURSBLRVkt|BFTkNSWVBURUQgUFJJVkFURSBLRVkt)[A-Za-z0-9+/=]*/g,
  },
];

/** AWS's identifiers of keys: long-lived ones (AKIA) and those of a session (ASIA). */
export const ACCESS_KEY: Pattern = {
  kind: "access key",
  hints: ["akia", "asia"],
  find: /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}/g,
};
