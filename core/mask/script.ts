const SCRIPT =
  /\s|`|\$(?:[({'"]|IFS)|\{[^{},]*,[^{}]*\}|[|;&<>](?:\/|\w*sh\b|eval\b|exec\b|source\b|python|perl\b|ruby\b|node\b)/;

/**
 * Could a shell run it as more than one word? Then it stays visible under any name. Otherwise an agent could hide a
 * command from the people who approve it, by calling it a token.
 */
export function mayBeScript(value: string): boolean {
  return SCRIPT.test(value);
}
