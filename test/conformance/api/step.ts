/**
 * One thing that is done to both sides. Its texts may hold `{{…}}`, which each side replaces by what it has answered
 * before: `{{group}}`, `{{ns}}`, `{{uid NAME}}`, `{{rv NAME}}` (`{{rv NAME 1}}`: the one before), `{{list}}` (the version of the
 * newest list, `{{list 1}}` of the one before), `{{continue}}`, `{{fresh}}` (a new number).
 */
export interface Step {
  method: string;
  path: string;
  query: readonly (readonly [string, string])[];
  headers: Readonly<Record<string, string>>;
  body?: string;
  /** A watch: goes on while the next steps are done, and is compared at the end. */
  watch?: boolean;
}

export const RESOURCE = "/apis/{{group}}/v1/namespaces/{{ns}}/gadgets";
export const EVERYWHERE = "/apis/{{group}}/v1/gadgets";

export function step(method: string, path: string, more: Partial<Step> = {}): Step {
  return { method, path, query: [], headers: {}, ...more };
}

export function withJson(method: string, path: string, body: unknown, more: Partial<Step> = {}): Step {
  const headers = { "content-type": "application/json", ...more.headers };
  return step(method, path, {
    ...more,
    headers,
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export function toText({ method, path, query, headers, body, watch }: Step): string {
  const asked = query.map(([key, value]) => `${key}=${value}`).join("&");
  const more = Object.entries(headers).map(([name, value]) => `\n    ${name}: ${value}`);
  const sent =
    body === undefined
      ? ""
      : `\n    ${body.length > 2000 ? `${body.slice(0, 200)}… (${body.length})` : body}`;
  return `${watch ? "WATCH" : method} ${path}${asked ? `?${asked}` : ""}${more.join("")}${sent}`;
}
