import type { Json } from "../admission.ts";
import { isJwt } from "./jwt-scanner.ts";
import { TOKEN_FORMS } from "./tokens.ts";

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
const WORD = "(?![-$=])(?:[^\\s\"'`,;&|<>$(){}\\[\\]\\\\]|\\$(?![({]))+";
const QUOTED = "(?<quote>\\\\{0,3}[\"'])(?:[^\"'`\\n$\\\\]|\\$(?![({]))+(?=\\k<quote>)";
/** What is called a secret; but not the name of one. */
const LABEL =
  "passw(?:or)?d|passphrase|pwd|(?<!(?:existing|pull|tls|cert|certificate|ingress)[-_.]?)secret|token|api[-_.]?key|credentials?|" +
  "(?:private|access|secret|client|account|signing|encryption|master)[-_.]?key(?:[-_.]?data)?";
const LABELS = ["pass", "pwd", "secret", "token", "key", "credential"];
/** A flag that announces a secret as the next argument. */
const FLAG_OF = `(?<![\\w-])--?(?:[\\w.-]{1,40}[-_.])?(?:${LABEL})`;
/** Quotes around a name within a text that may be quoted itself. */
const MARK = "\\\\{0,3}[\"']";
/** Between two things in a list: in JSON, in YAML, and in a diff of these. */
const BETWEEN = "(?:[\\s,+-]|\\\\{1,3}[nrt]){1,80}";
/** Between a name and its value. */
const IS = "[ \\t]{0,4}[:=][ \\t]{0,20}";

/** In place of a hint: it has none but its dot. */
const BOOTSTRAP = ".";

const PATTERNS: readonly Pattern[] = [
  {
    hints: ["private key-----", "private key block-----"],
    find: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:\s|\\[nrt])+(?:(?:Proc-Type|DEK-Info|Comment|Version): [A-Za-z0-9, .()/-]{1,100}(?=\s|\\)|[A-Za-z0-9+/=]{20,}|[A-Za-z0-9+/=]+(?=(?:\s|\\[nrt])*(?:=[A-Za-z0-9+/]{4}(?:\s|\\[nrt])*)?-----END)))*(?:(?:\s|\\[nrt])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?/g,
    what: "private key",
  },
  // The same in base64: for RSA, PKCS #8, EC, OpenSSH, DSA, and encrypted.
  {
    hints: ["ls0tls1crudjti"],
    find: /LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURSBLRVkt|BQUklWQVRFIEtFWS0t|BFQyBQUklWQVRFIEtFWS0t|BPUEVOU1NIIFBSSVZBVEUgS0VZ|BEU0EgUFJJVkFURSBLRVkt|BFTkNSWVBURUQgUFJJVkFURSBLRVkt)[A-Za-z0-9+/=]*/g,
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
  ...TOKEN_FORMS.map(({ hints, source }) => ({ hints, find: new RegExp(source, "g"), what: "token" })),
  // A bootstrap token (kubeadm join). An Event's name ends with its time in hexadecimal digits.
  {
    hints: [BOOTSTRAP],
    find: /(?<![\w.-])[a-z0-9]{6}\.(?!1[5-9a-f][0-9a-f]{14}(?![a-z0-9]))[a-z0-9]{16}(?![\w.-])/g,
    what: "token",
  },
  // Of Go's driver for MySQL, and of Oracle's for Java.
  {
    hints: ["@tcp(", "@unix("],
    find: /(?<=[\w.-]:)[^\s:@/"'`\\$(){};|&<>]{1,256}(?=@(?:tcp|unix)\()/g,
    what: "password",
  },
  {
    hints: ["jdbc:oracle:"],
    find: /(?<keep>jdbc:oracle:[a-z0-9]{1,10}:[\w.$-]{1,64}\/)[^\s:@/"'`\\$(){};|&<>]{1,256}(?=@)/g,
    what: "password",
  },
  {
    hints: ["password"],
    find: new RegExp(`(?<keep>\\blogin\\s{1,20}[^\\s"'\`]{1,256}\\s{1,20}password\\s{1,20})${WORD}`, "g"),
    what: "password",
  },
  // Of passwords, as servers keep them.
  {
    hints: ["$apr1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$argon2"],
    find: /\$(?:apr1|5|6)\$(?:rounds=\d{1,9}\$)?[\w./]{1,16}\$[\w./]{22,86}|\$2[aby]\$\d\d\$[\w./]{53}|\$argon2(?:id?|d)\$v=\d{1,3}\$[\w=,]{1,60}\$[\w+/]{8,100}\$[\w+/]{16,200}/g,
    what: "password",
  },
  // A signature of Azure's storage: whoever has the address may use it.
  { hints: ["sig="], find: /(?<keep>[?&;]sig=)[\w%+/=-]{20,}/g, what: "token" },
  {
    hints: ["cookie:"],
    find: /(?<keep>\bcookie:[ \t]{0,3})[\w.-]{1,100}=[\w.%+/=~:-]{8,}(?:; ?[\w.-]{1,100}=[\w.%+/=~:-]*)*/gi,
    what: "token",
  },
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
    find: new RegExp(
      `(?<keep>${FLAG_OF}(?:[ \\t]{1,4}|[ \\t]{0,4}(?:\\r?\\n|\\\\n)[ \\t]{0,40}- ))(?:${QUOTED}|${WORD})`,
      "gi",
    ),
    what: "value",
  },
  // The same in a list, each in quotes.
  {
    hints: LABELS,
    find: new RegExp(`(?<keep>(?<=["'])${FLAG_OF}${MARK}${BETWEEN})${QUOTED}`, "gi"),
    what: "value",
  },
];

/** Takes out of a text what it is for. */
interface Way {
  hints: readonly string[];
  without: (text: string, spares: Spares) => string;
}

/** In the order in which they are gone. */
const WAYS: readonly Way[] = [
  { hints: ["eyj"], without: withoutJwts },
  { hints: [...LABELS, "cookie", "authorization"], without: withoutPairs },
  { hints: ['auth"', "auth'", "auth\\", "auth=", "auth:", "auth ="], without: withoutBasic },
  ...PATTERNS.map((pattern) => ({
    hints: pattern.hints,
    without: (text: string, spares: Spares) => replaceAll(text, pattern, spares),
  })),
];
/** Numbers of the ways that each hint is of. */
const WAYS_OF = new Map<string, number[]>();
for (const [way, { hints }] of WAYS.entries())
  for (const hint of hints) WAYS_OF.set(hint, [...(WAYS_OF.get(hint) ?? []), way]);

/** Without one of these, in lower case, a text holds no secret but a bootstrap token. */
export const HINTS = [...WAYS_OF.keys()].filter((hint) => hint !== BOOTSTRAP);
/** By their first three characters, of each of which five bits count: a letter's case does not. */
const BY_BEGINNING = new Map<number, readonly string[]>();
const IS_BEGINNING = new Uint8Array(1 << 15);
for (const hint of HINTS) {
  const beginning = [0, 1, 2].reduce((bits, at) => withCharacter(bits, hint.charCodeAt(at)), 0);
  BY_BEGINNING.set(beginning, [...(BY_BEGINNING.get(beginning) ?? []), hint]);
  IS_BEGINNING[beginning] = 1;
}

function withCharacter(bits: number, code: number): number {
  return ((bits << 5) | (code & 31)) & 0x7fff;
}

/** Of a bootstrap token, which has no hint but its dot. By itself: it would be tried at each letter of every text. */
const BOOTSTRAP_HINT = /\.[a-z0-9]{16}/;

/**
 * The text with everything that looks like a secret replaced, but what is spared. How long it was is not told.
 * @param spares may what looks like a secret be shown?
 */
export function maskText(text: string, spares: Spares = () => false): string {
  const found = hintsIn(text);
  if (found.size === 0) return text;
  const ways = new Set([...found].flatMap((hint) => WAYS_OF.get(hint) ?? []));
  const inOrder = [...ways].sort((one, other) => one - other);
  return inOrder.reduce((masked, way) => WAYS[way]?.without(masked, spares) ?? masked, text);
}

const NO_HINTS: ReadonlySet<string> = new Set();

/** Most texts hold none, and are done after one look. */
function hintsIn(text: string): ReadonlySet<string> {
  let found: Set<string> | undefined;
  let bits = 0;
  for (let at = 0; at < text.length; at++) {
    bits = withCharacter(bits, text.charCodeAt(at));
    if (IS_BEGINNING[bits] !== 1) continue;
    for (const hint of BY_BEGINNING.get(bits) ?? [])
      if (!found?.has(hint) && isAt(text, at - 2, hint)) found = (found ?? new Set()).add(hint);
  }
  if (text.includes(".") && BOOTSTRAP_HINT.test(text)) found = (found ?? new Set()).add(BOOTSTRAP);
  return found ?? NO_HINTS;
}

function isAt(text: string, from: number, hint: string): boolean {
  return from >= 0 && text.slice(from, from + hint.length).toLowerCase() === hint;
}

type Spares = (secret: string) => boolean;

function replaceAll(text: string, { find, what }: Pattern, spares: Spares): string {
  return text.replace(find, (...match: unknown[]) => {
    const { keep = "", quote = "" } = (match.at(-1) ?? {}) as { keep?: string; quote?: string };
    const whole = String(match[0]);
    const secret = whole.slice(keep.length + quote.length);
    if ((what === "value" && (PLAIN.test(secret) || mayBeScript(secret))) || spares(secret)) return whole;
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
    const isToken = start !== -1 && isJwt(word.slice(start));
    return isToken && !spares(word.slice(start)) ? `${word.slice(0, start)}[masked: token]` : word;
  });
}

/** A name and a value side by side: variables in an object that is quoted in a text, in JSON, in YAML or as Go prints it. */
const PAIR = new RegExp(
  `(?<keep>\\bname(?:${MARK})?${IS}(?:${MARK})?(?<name>[\\w.-]{1,100})(?:${MARK})?${BETWEEN}(?:${MARK})?value(?:${MARK})?${IS})` +
    `(?:${QUOTED}|${WORD})`,
  "gi",
);

function withoutPairs(text: string, spares: Spares): string {
  if (!/value/i.test(text)) return text;
  return text.replace(PAIR, (...match: unknown[]) => {
    const { keep = "", quote = "", name = "" } = match.at(-1) as Record<string, string | undefined>;
    const whole = String(match[0]);
    const secret = whole.slice(keep.length + quote.length);
    return looksSecret(name, secret) && !spares(secret) ? `${keep}${quote}[masked: value]` : whole;
  });
}

/** `auth` of Docker's and npm's configuration: a user's name and password in base64. */
const BASIC = new RegExp(
  `(?<keep>auth(?:${MARK})?${IS}(?:${MARK})?)(?<basic>[A-Za-z0-9+/]{6,}={0,2})(?![\\w+/=-])`,
  "gi",
);

function withoutBasic(text: string, spares: Spares): string {
  return text.replace(BASIC, (whole: string, keep: string, basic: string) => {
    const isBasic = /^[\x21-\x39\x3b-\x7e]+:[\x20-\x7e]+$/.test(
      Buffer.from(basic, "base64").toString("latin1"),
    );
    return isBasic && !spares(basic) ? `${keep}[masked: password]` : whole;
  });
}

const SECRET_NAME =
  /passw(?:or)?d|passphrase|secret|token|credential|api[-_.]?key|(?:private|access|signing|encryption|master)[-_.]?key|authorization|cookie|(?:^|[-_.])(?:key|pwd|pass|pw|auth|dsn)$/i;
/** Names of what says where a secret is, or how it is used. */
const ABOUT_A_SECRET =
  /(?:file|path|dir|ref|name|namespace|url|uri|endpoint|issuer|audience|ttl|seconds|expiry|expiration|enabled|type|kind|algorithm)$/i;
/** Nothing, a switch, or nothing but a reference to another variable. */
const PLAIN = /^(?:|true|false|null|none|\$\([\w.-]+\)|\$\{[\w.-]+\}|\$\w+)$/;
const FLAG = new RegExp(`^${FLAG_OF}$`, "i");

/** Is the value of a variable of this name a secret, going by its name, and nothing that could be run? */
export function looksSecret(name: string, value: string): boolean {
  return SECRET_NAME.test(name) && !ABOUT_A_SECRET.test(name) && !PLAIN.test(value) && !mayBeScript(value);
}

/** Does the command-line argument announce a secret as the next one? */
export function announcesSecret(argument: Json): boolean {
  return typeof argument === "string" && FLAG.test(argument);
}
