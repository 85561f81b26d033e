/** Values that are secret by the name beside them, whatever they look like. */
import { FLAG, LABEL, LABEL_HINTS, looksSecret, mayBeValue } from "../names.ts";
import { BETWEEN, IS, MARK, type Pattern, QUOTED, WORD } from "./pattern.ts";

/**
 * A name and a value side by side, such as variables of a pod: of an object that is quoted in a text, in JSON, in YAML, or
 * as Go prints it.
 */
export const PAIRS: Pattern = {
  kind: "value",
  hints: [...LABEL_HINTS, "cookie", "authorization"],
  find: new RegExp(
    `(?<keep>\\bname(?:${MARK})?${IS}(?:${MARK})?(?<name>[\\w.-]{1,100})(?:${MARK})?${BETWEEN}(?:${MARK})?value(?:${MARK})?${IS})` +
      `(?:${QUOTED}|${WORD})`,
    "gi",
  ),
  isSecret: (value, { name = "" }) => looksSecret(name, value),
};

export const LABELLED: readonly Pattern[] = [
  // `password=…`, `apiKey: …`.
  {
    kind: "value",
    hints: LABEL_HINTS,
    find: new RegExp(
      `(?<keep>(?:${LABEL})(?:${MARK})?[ \\t]{0,4}(?:=|:(?=[ \\t"'\\\\]))[ \\t]{0,4})(?:${QUOTED}|${WORD})`,
      "gi",
    ),
    isSecret: mayBeValue,
  },
  // `--password …`, on one line or as two items of a list in YAML.
  {
    kind: "value",
    hints: LABEL_HINTS,
    find: new RegExp(
      `(?<keep>${FLAG}(?:[ \\t]{1,4}|[ \\t]{0,4}(?:\\r?\\n|\\\\n)[ \\t]{0,40}- ))(?:${QUOTED}|${WORD})`,
      "gi",
    ),
    isSecret: mayBeValue,
  },
  // The same in a list, each in quotes: `["--password", "…"]`.
  {
    kind: "value",
    hints: LABEL_HINTS,
    find: new RegExp(`(?<keep>(?<=["'])${FLAG}${MARK}${BETWEEN})${QUOTED}`, "gi"),
    isSecret: mayBeValue,
  },
];
