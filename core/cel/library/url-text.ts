/** How URLs are written: what Go's net/url takes for one, part by part. */
import { isSix } from "./ip.ts";

export interface UrlParts {
  readonly scheme: string;
  readonly opaque: string;
  readonly user: string;
  readonly host: string;
  /** As it was written. */
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

/** Percent signs before two hexadecimal digits, each. */
const isEscaped = (text: string): boolean => !/%(?![0-9a-fA-F]{2})/.test(text);

/** In a host, escapes are for what is not ASCII, and for the percent sign. */
const isHost = (text: string): boolean =>
  isEscaped(text) &&
  !/%(?!25)[0-7]/.test(text) &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  !/(?![A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%])[\x00-\x7f]/.test(text);

const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const PORT = /^(?::\d*)?$/;

/** The bytes that percent signs stand for, as text; what is no UTF-8 is replaced. */
export function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => {
    const bytes = run
      .slice(1)
      .split("%")
      .map((byte) => Number.parseInt(byte, 16));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  });
}

function bracketed(host: string): string | undefined {
  const close = host.lastIndexOf("]");
  const [name, port] = [host.slice(1, close), host.slice(close + 1)];
  if (close < 0 || !PORT.test(port) || !isHost(name)) return undefined;
  const plain = unescaped(name);
  return isSix(plain) ? `[${plain}]${port}` : undefined;
}

function hostOf(host: string, scheme: string): string | undefined {
  const bracket = host.lastIndexOf("[");
  if (bracket > 0) return undefined;
  if (bracket === 0) return bracketed(host);
  const isWeb = scheme === "http" || scheme === "https";
  const colon = isWeb ? host.indexOf(":") : host.lastIndexOf(":");
  if (colon >= 0 && !PORT.test(host.slice(colon))) return undefined;
  return isHost(host) ? unescaped(host) : undefined;
}

function authorityOf(text: string, scheme: string): { user: string; host: string } | undefined {
  const at = text.lastIndexOf("@");
  const user = at < 0 ? "" : text.slice(0, at);
  const host = hostOf(text.slice(at + 1), scheme);
  return host === undefined || !USER.test(user) || !isEscaped(user) ? undefined : { user, host };
}

function schemeOf(text: string): readonly [string, string] | undefined {
  if (text.startsWith(":")) return undefined;
  const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text) ?? [];
  return scheme === undefined ? ["", text] : [scheme.toLowerCase(), text.slice(scheme.length + 1)];
}

const EMPTY: UrlParts = { scheme: "", opaque: "", user: "", host: "", path: "", query: "", fragment: "" };

/** What follows the scheme and is no query, where it begins with a slash. */
function located(rest: string, scheme: string, isRequest: boolean): Partial<UrlParts> | undefined {
  const hasAuthority = rest.startsWith("//") && (scheme !== "" || (!isRequest && !rest.startsWith("///")));
  if (!hasAuthority) return isEscaped(rest) ? { path: rest } : undefined;
  const slash = rest.indexOf("/", 2);
  const authority = authorityOf(slash < 0 ? rest.slice(2) : rest.slice(2, slash), scheme);
  const path = slash < 0 ? "" : rest.slice(slash);
  return authority === undefined || !isEscaped(path) ? undefined : { ...authority, path };
}

function read(text: string, isRequest: boolean): UrlParts | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text) || (text === "" && isRequest)) return undefined;
  if (text === "*") return { ...EMPTY, path: "*" };
  const begun = schemeOf(text);
  if (begun === undefined) return undefined;
  const [scheme, after] = begun;
  const mark = after.indexOf("?");
  const rest = mark < 0 ? after : after.slice(0, mark);
  const base = { ...EMPTY, scheme, query: mark < 0 ? "" : after.slice(mark + 1) };
  if (!rest.startsWith("/")) {
    if (scheme !== "") return { ...base, opaque: rest };
    if (isRequest || (rest.split("/")[0] ?? "").includes(":")) return undefined;
  }
  const more = located(rest, scheme, isRequest);
  return more === undefined ? undefined : { ...base, ...more };
}

/** Whether Go's ParseRequestURI takes it. */
export const isRequestUri = (text: string): boolean => read(text, true) !== undefined;

/** The parts of what both of Go's parsers take for a URL. */
export function urlParts(text: string): UrlParts | undefined {
  if (!isRequestUri(text)) return undefined;
  const hash = text.indexOf("#");
  const parts = read(hash < 0 ? text : text.slice(0, hash), false);
  const fragment = hash < 0 ? "" : text.slice(hash + 1);
  return parts === undefined || !isEscaped(fragment) ? undefined : { ...parts, fragment };
}
