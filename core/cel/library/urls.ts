/** Kubernetes' URL library. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { EntryMap, Failure, Opaque, type Value } from "../values/value.ts";
import { isRequestUri, type UrlParts, unescaped, urlParts } from "./url-text.ts";

const TYPE = "kubernetes.URL";
const INVALID = new Failure("URL parse error during conversion from string");

class Url extends Opaque {
  readonly type = TYPE;
  readonly parts: UrlParts;

  constructor(parts: UrlParts) {
    super();
    this.parts = parts;
  }

  override equals(other: Url): boolean {
    return shown(this.parts) === shown(other.parts);
  }
}

const shown = (parts: UrlParts): string => JSON.stringify({ ...parts, path: escapedPath(parts.path) });

const cost = (text: string): void => spend(20 + (text.length >> 2), text.length);

/** As it was written where that is valid, otherwise what it stands for, escaped anew. */
function escapedPath(path: string): string {
  if (/^[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]*$/.test(path)) return path;
  const bytes = new TextEncoder().encode(unescaped(path));
  return [...bytes]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      if (/[A-Za-z0-9\-_.~$&+,/:;=@]/.test(letter)) return letter;
      return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function port({ host }: UrlParts): readonly [string, string] {
  const colon = host.lastIndexOf(":");
  const isPort = colon >= 0 && /^:\d*$/.test(host.slice(colon));
  const name = isPort ? host.slice(0, colon) : host;
  return [
    name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name,
    isPort ? host.slice(colon + 1) : "",
  ];
}

const isEscaped = (text: string): boolean => !/%(?![0-9a-fA-F]{2})/.test(text);

function query({ parts }: Url): Value {
  cost(parts.query);
  const all = new Map<string, string[]>();
  for (const pair of parts.query.split("&")) {
    spend(1, 40);
    const [key = "", value = ""] = pair.split(/=(.*)/s);
    if (pair === "" || pair.includes(";") || !isEscaped(pair)) continue;
    const [name, text] = [key, value].map((part) => unescaped(part.replaceAll("+", " ")));
    const values = all.get(name ?? "");
    if (values === undefined) all.set(name ?? "", [text ?? ""]);
    else values.push(text ?? "");
  }
  const map = new EntryMap();
  for (const [name, values] of all) map.set(name, values);
  return map;
}

function parsed(text: string): Value {
  cost(text);
  const parts = urlParts(text);
  return parts === undefined ? INVALID : new Url(parts);
}

function isUrl(text: string): boolean {
  cost(text);
  return isRequestUri(text);
}

export const URLS: Library = {
  [`url(string): ${TYPE}`]: parsed,
  [`${TYPE}.getScheme(): string`]: ({ parts }: Url) => parts.scheme,
  [`${TYPE}.getHost(): string`]: ({ parts }: Url) => parts.host,
  [`${TYPE}.getHostname(): string`]: ({ parts }: Url) => port(parts)[0],
  [`${TYPE}.getPort(): string`]: ({ parts }: Url) => port(parts)[1],
  [`${TYPE}.getEscapedPath(): string`]: ({ parts }: Url) => {
    cost(parts.path);
    return escapedPath(parts.path);
  },
  [`${TYPE}.getQuery(): map<string, list<string>>`]: query,
  "isURL(string): bool": isUrl,
};
