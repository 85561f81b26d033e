import type { Json } from "../admission.ts";

/**
 * What looks like a secret in text of any kind. Each expression runs in linear time: an open repetition either
 * stands last, or cannot run past the next place where the expression could start again. None reaches over
 * shell substitutions, so that nobody can hide a command from an approver by dressing it up as a password.
 */

/** `find` is only tried where the text holds one of the `hints` (lower case). The part called `keep` stays. */
interface Pattern {
  hints: readonly string[];
  find: RegExp;
  what: string;
}

/** A word that may stand for a secret: no quotes, brackets or shell operators, and no `$(…)` or `${…}`. */
const WORD = "(?![-$])(?:[^\\s\"'`,;&|<>$(){}\\[\\]\\\\]|\\$(?![({]))+";
const QUOTED = "(?<quote>\\\\{0,3}[\"'])(?:[^\"'`\\n$\\\\]|\\$(?![({]))+(?=\\k<quote>)";
const LABEL =
  "passw(?:or)?d|passphrase|pwd|secret|token|api[-_.]?key|credentials?|(?:private|access|secret|client)[-_.]?key(?:[-_.]?data)?";
const LABELS = ["pass", "pwd", "secret", "token", "key", "credential"];

const PATTERNS: readonly Pattern[] = [
  {
    hints: ["private key-----"],
    find: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:(?:\s|\\[nrt])+(?:(?:Proc-Type|DEK-Info|Comment): [A-Za-z0-9, -]{1,100}(?=\s|\\)|[A-Za-z0-9+/=]{20,}|[A-Za-z0-9+/=]+(?=(?:\s|\\[nrt])*-----END)))*(?:(?:\s|\\[nrt])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?/g,
    what: "private key",
  },
  {
    hints: ["://"],
    find: /(?<keep>:\/\/[^\s/?#:@"'`]*:)(?:[^\s/`$]|\$(?![({]))+(?=@)/g,
    what: "password",
  },
  {
    hints: ["authorization"],
    find: /(?<keep>authorization["']?\s{0,3}[:=]\s{0,3}["']?(?:basic|bearer|token)\s{1,3})[\w.~+/=-]{4,}/gi,
    what: "token",
  },
  { hints: ["bearer"], find: /(?<keep>\bbearer\s{1,3})[\w.~+/=-]{16,}/gi, what: "token" },
  { hints: ["akia", "asia"], find: /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}/g, what: "access key" },
  {
    hints: [
      "ghp_",
      "gho_",
      "ghr_",
      "ghs_",
      "ghu_",
      "github_pat_",
      "glpat-",
      "xox",
      "aiza",
      "_live_",
      "npm_",
      "hf_",
      "hvs.",
    ],
    find: /gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|AIza[\w-]{35}|[rs]k_live_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}|hvs\.[\w-]{20,}/g,
    what: "token",
  },
  { hints: ["sk-"], find: /(?<![\w-])sk-[\w-]{20,}/g, what: "token" },
  // A bootstrap token (kubeadm join).
  { hints: ["."], find: /(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])/g, what: "token" },
  {
    hints: LABELS,
    find: new RegExp(
      `(?<keep>(?:${LABEL})(?:\\\\{0,3}["'])?[ \\t]{0,4}(?:=|:(?=[ \\t"'\\\\]))[ \\t]{0,4})(?:${QUOTED}|${WORD})`,
      "gi",
    ),
    what: "value",
  },
  {
    hints: LABELS,
    find: new RegExp(`(?<keep>--?(?:${LABEL})[ \\t]{1,4})(?:${QUOTED}|${WORD})`, "gi"),
    what: "value",
  },
];

/** Without one of these, in lower case, a text holds no secret but a bootstrap token. */
export const HINTS = [...new Set([...PATTERNS.flatMap(({ hints }) => hints), "eyj"])].filter(
  (hint) => hint !== ".",
);
/** Every hint at once: most texts hold none, and are done after one look. */
const ANY_HINT = new RegExp(HINTS.map((hint) => hint.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "i");
/** In longer texts one hint after the other is found sooner. */
const SHORT = 256;
/** Of a bootstrap token, which has no hint but its dot. By itself: it would be tried at each letter of every text. */
const BOOTSTRAP_HINT = /\.[a-z0-9]{16}/;

/**
 * The text with everything that looks like a secret replaced, but what is spared. How long it was is not told.
 * @param spares may what looks like a secret be shown?
 */
export function maskText(text: string, spares: Spares = () => false): string {
  const found = hintsIn(text);
  if (found.size === 0) return text;
  const rest = found.has("eyj") ? withoutJwts(text, spares) : text;
  return PATTERNS.filter(({ hints }) => hints.some((hint) => found.has(hint))).reduce(
    (masked, pattern) => replaceAll(masked, pattern, spares),
    rest,
  );
}

const NO_HINTS: ReadonlySet<string> = new Set();

function hintsIn(text: string): ReadonlySet<string> {
  const isBootstrap = text.includes(".") && BOOTSTRAP_HINT.test(text);
  if (text.length <= SHORT && !isBootstrap && !ANY_HINT.test(text)) return NO_HINTS;
  const lower = text.toLowerCase();
  const found = HINTS.filter((hint) => lower.includes(hint));
  return found.length === 0 && !isBootstrap ? NO_HINTS : new Set(isBootstrap ? [...found, "."] : found);
}

type Spares = (secret: string) => boolean;

function replaceAll(text: string, { find, what }: Pattern, spares: Spares): string {
  return text.replace(find, (...match: unknown[]) => {
    const { keep = "", quote = "" } = (match.at(-1) ?? {}) as { keep?: string; quote?: string };
    const whole = String(match[0]);
    const secret = whole.slice(keep.length + quote.length);
    if ((what === "value" && mayBeScript(secret)) || spares(secret)) return whole;
    return `${keep}${quote}[masked: ${what}]`;
  });
}

const SCRIPT =
  /\s|`|\$(?:[({'"]|IFS)|\{[^{},]*,[^{}]*\}|[|;&<>](?:\/|\w*sh\b|eval\b|exec\b|source\b|python|perl\b|ruby\b|node\b)/;

/**
 * Could a shell run it as more than one word? Then people must see it, whatever name it goes by: what an agent calls a
 * token is not masked where it can be a command with arguments.
 */
export function mayBeScript(value: string): boolean {
  return SCRIPT.test(value);
}

// By hand: an expression that may begin at every `eyJ` of a long word would take quadratic time.
function withoutJwts(text: string, spares: Spares): string {
  return text.replace(/[\w-]+(?:\.[\w-]+)*/g, (word) => {
    const start = word.indexOf("eyJ");
    const isJwt = start !== -1 && word.length - start > 30 && word.slice(start).split(".").length >= 3;
    return isJwt && !spares(word.slice(start)) ? `${word.slice(0, start)}[masked: token]` : word;
  });
}

const SECRET_NAME =
  /passw(?:or)?d|passphrase|secret|token|credential|api[-_.]?key|(?:private|access|signing|encryption|master)[-_.]?key|authorization|cookie|(?:^|[-_.])(?:key|pwd|pass|pw|auth|dsn)$/i;
/** Names of what says where a secret is, or how it is used. */
const ABOUT_A_SECRET =
  /(?:file|path|dir|ref|name|namespace|url|uri|endpoint|issuer|audience|ttl|seconds|expiry|expiration|enabled|type|kind|algorithm)$/i;
/** Nothing, a switch, or nothing but a reference to another variable. */
const PLAIN = /^(?:|true|false|\$\([\w.-]+\)|\$\{[\w.-]+\}|\$\w+)$/;
const FLAG = new RegExp(`^--?(?:[\\w.-]{1,40}[-_.])?(?:${LABEL})$`, "i");

/** Is the value of a variable of this name a secret, going by its name, and nothing that could be run? */
export function looksSecret(name: string, value: string): boolean {
  return SECRET_NAME.test(name) && !ABOUT_A_SECRET.test(name) && !PLAIN.test(value) && !mayBeScript(value);
}

/** Does the command-line argument announce a secret as the next one? */
export function announcesSecret(argument: Json): boolean {
  return typeof argument === "string" && FLAG.test(argument);
}
