/** What is secret by the name it goes by: of a variable, a member, a flag on a command line. */
import type { Json } from "../admission.ts";
import { mayBeScript } from "./script.ts";

/** The end of a secret's name; but not of the name of the Secret object that holds it. For use in expressions. */
export const LABEL =
  "passw(?:or)?d|passphrase|pwd|(?<!(?:existing|pull|tls|cert|certificate|ingress)[-_.]?)secret|token|api[-_.]?key|credentials?|" +
  "(?:private|access|secret|client|account|signing|encryption|master)[-_.]?key(?:[-_.]?data)?";
/** Every text that {@link LABEL} matches holds one of these. */
export const LABEL_HINTS = ["pass", "pwd", "secret", "token", "key", "credential"];
/** A flag that announces a secret as the next argument: `--db-password`. For use in expressions. */
export const FLAG = `(?<![\\w-])--?(?:[\\w.-]{1,40}[-_.])?(?:${LABEL})`;
const WHOLE_FLAG = new RegExp(`^${FLAG}$`, "i");

const SECRET_NAME =
  /passw(?:or)?d|passphrase|secret|token|credential|api[-_.]?key|(?:private|access|signing|encryption|master)[-_.]?key|authorization|cookie|(?:^|[-_.])(?:key|pwd|pass|pw|auth|dsn)$/i;
/** Names of what says where a secret is, or how it is used: `TOKEN_FILE`, `passwordPolicyType`. */
const ABOUT_A_SECRET =
  /(?:file|path|dir|ref|name|namespace|url|uri|endpoint|issuer|audience|ttl|seconds|expiry|expiration|enabled|type|kind|algorithm)$/i;
/** Nothing, a switch, or only a reference to another variable. */
const PLAIN = /^(?:|true|false|null|none|\$\([\w.-]+\)|\$\{[\w.-]+\}|\$\w+)$/;

/** In place of a value that is secret by its name. */
export const MASKED_VALUE = "[masked: value]";

/** Whether the value of this key of a Secret is a certificate or a name: nothing that is looked for elsewhere. */
export function isPublicKey(key: string): boolean {
  return PUBLIC_KEY.test(key);
}

const PUBLIC_KEY = /(?:\.crt|^namespace|^username|^user)$/;

/** May it be hidden because of the name it goes by? Not a mere switch or reference, and nothing that a shell could run. */
export function mayBeValue(value: string): boolean {
  return !PLAIN.test(value) && !mayBeScript(value);
}

/** Is the value of a variable of this name a secret? */
export function looksSecret(name: string, value: string): boolean {
  return SECRET_NAME.test(name) && !ABOUT_A_SECRET.test(name) && mayBeValue(value);
}

/** Does the command-line argument announce a secret as the next one? */
export function announcesSecret(argument: Json): boolean {
  return typeof argument === "string" && WHOLE_FLAG.test(argument);
}
