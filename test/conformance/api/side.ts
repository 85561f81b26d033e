/** One of the two APIs as a run of steps sees it: what it has answered so far, and how its own names are made neutral. */
import { parse } from "yaml";
import type { Answered, Asked, Stream, Wire } from "./exchange.ts";
import type { Step } from "./step.ts";

export interface SideOptions {
  name: "ours" | "theirs";
  group: string;
  /** The namespace of this run. */
  namespace: string;
  wire: Wire;
}

/** An answer in which nothing of this side's own is left. */
export interface Neutral {
  code: number;
  headers: Record<string, string>;
  body: unknown;
  /** How the body is written down. */
  layout?: "compact" | "indented";
}

interface Known {
  uid: string;
  /** Oldest first. */
  versions: string[];
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const AGE = /^(\d+[smhd])+$/;
/** Differ from answer to answer, and say nothing of what was asked. */
const VOLATILE = new Set([
  "date",
  "content-length",
  "transfer-encoding",
  "audit-id",
  "connection",
  "keep-alive",
]);

export class Side {
  readonly name: SideOptions["name"];
  readonly #options: SideOptions;
  readonly #objects = new Map<string, Known>();
  readonly #lists: string[] = [];
  #continue = "";
  #fresh = 0;
  readonly #uids = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  readonly #generated = new Map<string, string>();

  constructor(options: SideOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async ask(step: Step): Promise<Neutral> {
    return this.#neutral(await this.#options.wire.ask(this.#asked(step)));
  }

  async open(step: Step): Promise<Stream> {
    return this.#options.wire.open(this.#asked(step));
  }

  /** Whatever the API keeps at hand for inexact reads is up to date afterwards. */
  async settle(): Promise<void> {
    const { group, wire } = this.#options;
    await wire.ask({
      method: "GET",
      path: `/apis/${group}/v1/gadgets?labelSelector=settle`,
      headers: {},
      body: undefined,
    });
  }

  neutralHead({ code, headers }: Pick<Stream, "code" | "headers">): Neutral {
    return { code, headers: this.#headers(headers), body: undefined };
  }

  /** A frame of a stream, or the whole of an answer of that type. */
  neutralFrame(text: string, type?: string): unknown {
    return this.#neutralBody(text, type);
  }

  #asked({ method, path, query, headers, body }: Step): Asked {
    const asked = query.map(
      ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(this.#filled(value))}`,
    );
    const filled = Object.entries(headers).map(([name, value]) => [name, this.#filled(value)]);
    return {
      method,
      path: this.#filled(path) + (asked.length > 0 ? `?${asked.join("&")}` : ""),
      headers: { "user-agent": "oracle/1.0", accept: "application/json", ...Object.fromEntries(filled) },
      body: body === undefined ? undefined : this.#filled(body),
    };
  }

  #filled(text: string): string {
    return text.replaceAll(
      /\{\{(\w+)(?: ([\w.-]+))?(?: (\d+))?\}\}/g,
      (_all, what: string, name = "", back = "0") => {
        switch (what) {
          case "group":
            return this.#options.group;
          case "ns":
            return this.#options.namespace;
          case "uid":
            return this.#objects.get(name)?.uid ?? "00000000-0000-0000-0000-000000000000";
          case "rv":
            return this.#objects.get(name)?.versions.at(-1 - Number(back)) ?? "";
          case "list":
            return this.#lists.at(-1 - Number(name || "0")) ?? "";
          case "continue":
            return this.#continue;
          case "fresh":
            this.#fresh += 1;
            return String(this.#fresh);
          default:
            throw new Error(`nothing is known as ${what}`);
        }
      },
    );
  }

  #neutral({ code, headers, body }: Answered): Neutral {
    const layout = /^[[{]\n/.test(body) ? "indented" : "compact";
    return {
      code,
      headers: this.#headers(headers),
      body: this.#neutralBody(body, headers["content-type"]),
      layout,
    };
  }

  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    const kept = Object.entries(headers).filter(
      ([name]) => !VOLATILE.has(name) && !name.startsWith("x-kubernetes-pf-"),
    );
    return Object.fromEntries(kept.map(([name, value]) => [name, this.#text(value)]));
  }

  #neutralBody(body: string, type = ""): unknown {
    let parsed: unknown;
    try {
      parsed = type.includes("yaml") ? parse(body) : JSON.parse(body);
    } catch {
      return this.#text(body);
    }
    this.#learn(parsed);
    return withoutOrder(this.#value(parsed));
  }

  /** Takes note of names, versions and tokens before they are replaced. */
  #learn(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) this.#learn(each);
    else if (isRecord(value)) {
      const { metadata } = value;
      if (isRecord(metadata)) this.#learnMetadata(metadata);
      for (const key of ["items", "object", "rows"]) this.#learn(value[key]);
    }
  }

  #learnMetadata({
    name,
    uid,
    generateName,
    resourceVersion,
    continue: token,
  }: Record<string, unknown>): void {
    if (typeof token === "string" && token !== "") this.#continue = token;
    // What is only tried has a name, and no version.
    if (
      typeof name === "string" &&
      typeof generateName === "string" &&
      name.startsWith(generateName.slice(0, 58))
    )
      this.#generated.set(name, `${generateName}GENERATED`);
    if (typeof resourceVersion !== "string" || resourceVersion === "") return;
    if (typeof name !== "string" || typeof uid !== "string") {
      this.#lists.push(resourceVersion);
      return;
    }
    const known = this.#objects.get(name);
    if (known?.uid !== uid) this.#objects.set(name, { uid, versions: [resourceVersion] });
    else if (known.versions.at(-1) !== resourceVersion) known.versions.push(resourceVersion);
  }

  #value(value: unknown, key = "", isObject = false): unknown {
    if (typeof value === "string") return this.#string(value, key, isObject);
    if (Array.isArray(value)) {
      const items = value.map((each) => this.#value(each, key));
      // These go by the second in which they were written, which may change between the two sides.
      return key === "managedFields" ? inOrder(items) : items;
    }
    if (!isRecord(value)) return value;
    // Symbols are given in the order of sight, which must not hang on the order of keys.
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    const named = key === "metadata" && typeof value["uid"] === "string";
    return Object.fromEntries(
      entries.map(([name, member]) => [this.#text(name), this.#value(member, name, named)]),
    );
  }

  /** `key` is the field's that holds it; `isObject`: it stands in the metadata of an object, not of a list. */
  #string(value: string, key: string, isObject: boolean): string {
    switch (key) {
      case "resourceVersion":
        if (isObject) return this.#version(value);
        return /^[1-9]\d*$/.test(value) ? "VERSION" : value;
      case "continue":
        return value === "" ? "" : "CONTINUE";
      case "cells":
        return AGE.test(value) ? "AGE" : this.#text(value);
      default:
        return this.#text(value);
    }
  }

  #version(version: string): string {
    return symbolFor(this.#versions, version, "version");
  }

  #text(text: string): string {
    const { group, namespace } = this.#options;
    // A quotation that is cut off may be cut within the group; the two are of one length.
    let neutral = text
      .replaceAll(group, "GROUP")
      .replace(/(?<="apiVersion": ?")[a-z.]+(?= \.\.\.\))/, "GROUP")
      .replaceAll(namespace, "NS")
      .replaceAll(TIME, "TIME");
    for (const [name, symbol] of this.#generated) neutral = neutral.replaceAll(name, symbol);
    return neutral
      .replaceAll(/(?<=current: )\d+/g, "VERSION")
      .replaceAll(UUID, (uid) => symbolFor(this.#uids, uid, "uid"))
      .replaceAll(
        /(?<=too old resource version: \d+ \(|precondition \(|record \(|resourceVersion[\\"]+: ?[\\"]+)\d+/g,
        (version) => (this.#versions.has(version) ? this.#version(version) : "VERSION"),
      );
  }
}

/** What a schema refuses is found property by property, in no order; the message lists it all again. */
function withoutOrder(body: unknown): unknown {
  if (!isRecord(body) || !isRecord(body["details"])) return body;
  const { details, message } = body;
  const causes = details["causes"];
  if (!Array.isArray(causes) || causes.length < 2 || typeof message !== "string") return body;
  const [subject] = message.split(" is invalid: [");
  return { ...body, message: `${subject} is invalid: […]`, details: { ...details, causes: inOrder(causes) } };
}

function inOrder(values: readonly unknown[]): unknown[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function symbolFor(symbols: Map<string, string>, text: string, kind: string): string {
  const known = symbols.get(text);
  if (known !== undefined) return known;
  const symbol = `${kind}#${symbols.size + 1}`;
  symbols.set(text, symbol);
  return symbol;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
