/** The one shape of all patterns, and the pieces of expressions that several of them are made of. */

/** What a reader is told in place of a secret: `[masked: token]`. */
export const MASK_KINDS = ["value", "password", "token", "access key", "private key"] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

export interface Pattern {
  kind: MaskKind;
  /** In lower case. The pattern is tried only where the text holds one of them, in whatever case. */
  hints: readonly string[];
  /**
   * With the flag g. What it finds is the secret, but for what the groups `keep` and `quote` find at its beginning: that
   * stays. It must run in linear time: an open repetition either stands last, or cannot run past the next place where the
   * expression could begin again. And it must not reach over shell substitutions: else an agent could hide a command from
   * the people who approve it, by making it look like a password.
   */
  find: RegExp;
  /** Whether what was found is a secret after all. Left out: it always is. */
  isSecret?: (secret: string, groups: Groups) => boolean;
}

/** What the named groups of an expression found. */
export type Groups = Readonly<Record<string, string | undefined>>;

/** A word that may stand for a secret: no quotes, brackets or shell operators, and no `$(…)` or `${…}`. */
export const WORD = "(?![-$=])(?:[^\\s\"'`,;&|<>$(){}\\[\\]\\\\]|\\$(?![({]))+";
/** A quoted value up to its closing quote. The quotes may be escaped: the text may itself be quoted in another. */
export const QUOTED = "(?<quote>\\\\{0,3}[\"'])(?:[^\"'`\\n$\\\\]|\\$(?![({]))+(?=\\k<quote>)";
/** A quote, escaped or not. */
export const MARK = "\\\\{0,3}[\"']";
/** Between a name and its value. */
export const IS = "[ \\t]{0,4}[:=][ \\t]{0,20}";
/** Between two items of a list: in JSON, in YAML, and in a diff of these. */
export const BETWEEN = "(?:[\\s,+-]|\\\\{1,3}[nrt]){1,80}";
