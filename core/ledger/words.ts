/**
 * Words, as full text search knows them: letters, digits and marks, in lower case, compatibility forms made one. What
 * is longer than a hundred characters is several words in a row.
 */

/** Words that stand one after the other; the last may be only the beginning of one. */
export interface Term {
  words: readonly string[];
  prefix: boolean;
}

const MAX_CHARACTERS = 1000;
const MAX_TERMS = 20;

const PLAIN = /^[\0-\x7f]*$/;
const PLAIN_WORDS = /[a-z0-9]{1,100}/g;
/** Between ASCII's punctuation; not too long, because many marks in a row take normalize their square in time. */
const PIECES = /[0-9A-Za-z\u{80}-\u{10ffff}]{1,300}/gu;
const WORDS = /[\p{L}\p{N}\p{M}]{1,100}/gu;

export function wordsOf(text: string): string[] {
  if (PLAIN.test(text)) return text.toLowerCase().match(PLAIN_WORDS) ?? [];
  const words: string[] = [];
  // Again, because a letter's small form may be one that has a compatibility form.
  for (const [piece] of text.matchAll(PIECES))
    for (const [word] of piece.normalize("NFKC").toLowerCase().normalize("NFKC").matchAll(WORDS))
      words.push(word);
  return words;
}

/** Where a string of JSON begins, or all of a number or word: what stands between its punctuation. */
const LEXEME = /"|[^\s[\]{}:,"]+/g;

/** Of all keys and values of a JSON text, in their order. */
export function wordsOfJson(json: string): string[] {
  const words: string[] = [];
  const lexemes = new RegExp(LEXEME);
  for (let found = lexemes.exec(json); found !== null; found = lexemes.exec(json)) {
    if (found[0] === '"') lexemes.lastIndex = endOfString(json, found.index);
    const lexeme = json.slice(found.index, lexemes.lastIndex);
    for (const word of wordsOf(plain(lexeme))) words.push(word);
  }
  return words;
}

/** Of a string that begins there; no pattern, because for some MiB of escapes that takes more stack than there is. */
function endOfString(json: string, begin: number): number {
  for (let at = json.indexOf('"', begin + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let escapes = 0;
    while (json[at - 1 - escapes] === "\\") escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return json.length;
}

function plain(lexeme: string): string {
  return lexeme.includes("\\") ? String(JSON.parse(lexeme)) : lexeme;
}

/** What is asked for: terms between spaces, `"…"` around several words in a row, `*` after the beginning of a word. */
const TERM = /"([^"]*)"?(\*?)|([^\s"]*[^\s"*])(\*?)|\*+/g;

/** @returns what is wrong with the text, in words for whoever wrote it, where it cannot be looked for. */
export function termsOf(text: string): readonly Term[] | string {
  if (text.length > MAX_CHARACTERS) return `more than ${MAX_CHARACTERS} characters`;
  const terms = [...text.matchAll(TERM)].flatMap(([, quoted, after, bare, behind]): Term[] => {
    const words = wordsOf(quoted ?? bare ?? "");
    return words.length === 0 ? [] : [{ words, prefix: (after ?? behind) === "*" }];
  });
  if (terms.length === 0) return "there is no word in it";
  return terms.length > MAX_TERMS ? `more than ${MAX_TERMS} words` : terms;
}

/** Whether the term stands somewhere in these words. */
export function hasTerm(words: readonly string[], { words: wanted, prefix }: Term): boolean {
  const whole = prefix ? wanted.slice(0, -1) : wanted;
  const begins = prefix ? (wanted.at(-1) ?? "") : "";
  for (const end of endsOf(whole, words)) if (!prefix || words[end]?.startsWith(begins)) return true;
  return false;
}

/** Where each place ends at which these stand in a row: every word is looked at once, however many they are (Knuth, Morris, Pratt). */
function* endsOf(wanted: readonly string[], words: readonly string[]): Generator<number> {
  /** Of so many of the first ones wanted: how many of the last of them are first ones again. */
  const back = [0, 0];
  const grown = (length: number, word: string | undefined): number => {
    let stands = length;
    while (stands > 0 && word !== wanted[stands]) stands = back[stands] ?? 0;
    return word === wanted[stands] ? stands + 1 : stands;
  };
  for (let at = 1; at < wanted.length; at += 1) back.push(grown(back[at] ?? 0, wanted[at]));
  let length = 0;
  for (let at = 0; at <= words.length; at += 1) {
    if (length === wanted.length) {
      yield at;
      length = back[length] ?? 0;
    }
    length = grown(length, words[at]);
  }
}
