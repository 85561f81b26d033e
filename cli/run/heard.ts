/** What a command's standard error says about Hoop. The words are those of core/answer.ts and core/authorize.ts. */

export interface HeldApproval {
  namespace: string;
  name: string;
}

export interface Heard {
  /** What it was told waits for a decision, each once. */
  held: HeldApproval[];
  /** A person or a rule said no. */
  denied: boolean;
}

const HELD = /HELD, not refused\. approval=([a-z0-9.-]+) namespace=([a-z0-9-]+)/g;

/** Quotes may be escaped: some clients print the answer as JSON. */
const DENIED: readonly RegExp[] = [
  /agents-are-refused-while-hoop-is-unreachable\.hoop\.dev\\*"? denied the request: (?!HELD|could not tell)/,
  /\bforbidden: [^\n]*\bhoop: [^\n]*\(rule [a-z-]+\)/,
];

/** More than any refusal is long; a command may say much more. */
const KEPT = 1 << 18;

/** Listens while the command runs. */
export function listener(): { hear: (text: string) => void; heard: () => Heard } {
  let text = "";
  return {
    hear: (more) => {
      text = (text + more).slice(-KEPT);
    },
    heard: () => {
      const held = new Map<string, HeldApproval>();
      for (const [, name = "", namespace = ""] of text.matchAll(HELD))
        held.set(`${namespace}/${name}`, { namespace, name });
      return { held: [...held.values()], denied: DENIED.some((pattern) => pattern.test(text)) };
    },
  };
}
