/** The operations of a JSON Patch, one after the other. */
import { equal } from "./equal.ts";
import { PROTOTYPE } from "./json.ts";
import { isRecord } from "./record.ts";
import { StatusError } from "./status.ts";

/** As it was sent: anything may be of any type. */
export interface Operation {
  op?: unknown;
  path?: unknown;
  from?: unknown;
  value?: unknown;
}

/** Operations that copy could double an object over and over. */
const MOST_COPIED = 3 * 1024 * 1024;

/** What the object becomes; the object itself is left alone. @throws {StatusError} Invalid. */
export function applied(object: unknown, operations: readonly Operation[]): unknown {
  const document = new PatchedDocument(structuredClone(object));
  for (const operation of operations) document.apply(operation);
  return document.root;
}

/** Without the values that did not fit: they are the object's. */
function rejected(): StatusError {
  return new StatusError("Invalid", "the server rejected our request due to an error in our request", {});
}

/** The containers on the way are changed in place; values that come in are copies. */
class PatchedDocument {
  root: unknown;
  #copied = 0;

  constructor(root: unknown) {
    this.root = root;
  }

  /** @throws {StatusError} Invalid. */
  apply(operation: Operation): void {
    const { op, path, from, value = null } = operation;
    if (op === "add") this.#add(path, structuredClone(value));
    else if (op === "remove") this.#remove(path);
    else if (op === "replace") this.#replace(path, structuredClone(value));
    else if (op === "move") this.#move(from, path);
    else if (op === "copy") this.#copy(from, path);
    else if (op !== "test" || !equal(this.#get(path) ?? null, value)) throw rejected();
  }

  #get(path: unknown): unknown {
    if (path === "") return this.root;
    const { parent, key } = this.#place(path);
    return Array.isArray(parent) ? parent[index(key, parent.length)] : own(parent, key);
  }

  #add(path: unknown, value: unknown): void {
    const { parent, key } = this.#place(path);
    if (!Array.isArray(parent)) parent[key] = value;
    else if (key === "-") parent.push(value);
    else parent.splice(index(key, parent.length + 1), 0, value);
  }

  #remove(path: unknown): void {
    const { parent, key } = this.#place(path);
    if (Array.isArray(parent)) parent.splice(index(key, parent.length), 1);
    else if (!Object.hasOwn(parent, key)) throw rejected();
    else delete parent[key];
  }

  #replace(path: unknown, value: unknown): void {
    if (path === "") {
      if (typeof value !== "object" || value === null) throw rejected();
      this.root = value;
      return;
    }
    const { parent, key } = this.#place(path);
    if (Array.isArray(parent)) parent[index(key, parent.length)] = value;
    else parent[key] = value;
  }

  #move(from: unknown, path: unknown): void {
    const value = from === "" ? rejectedValue() : this.#get(from);
    this.#remove(from);
    this.#add(path, value);
  }

  #copy(from: unknown, path: unknown): void {
    const value = (from === "" ? rejectedValue() : this.#get(from)) ?? null;
    this.#copied += JSON.stringify(value).length;
    if (this.#copied > MOST_COPIED) throw rejected();
    this.#add(path, structuredClone(value));
  }

  /** The container that the pointer's last part is a key of. */
  #place(pointer: unknown): { parent: Record<string, unknown> | unknown[]; key: string } {
    if (typeof pointer !== "string") throw rejected();
    const [first, ...tokens] = pointer
      .split("/")
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
    const key = tokens.pop();
    if (first === undefined || key === undefined || [...tokens, key].includes(PROTOTYPE)) throw rejected();
    let parent = this.root;
    for (const token of tokens)
      parent = Array.isArray(parent)
        ? parent[index(token, parent.length)]
        : isRecord(parent)
          ? own(parent, token)
          : null;
    if (!isRecord(parent) && !Array.isArray(parent)) throw rejected();
    return { parent, key };
  }
}

function rejectedValue(): never {
  throw rejected();
}

function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Below 0 it counts from the end. */
function index(key: string, length: number): number {
  const position = /^[+-]?\d+$/.test(key) ? Number(key) : Number.NaN;
  const found = position < 0 ? position + length : position;
  if (!(found >= 0 && found < length)) throw rejected();
  return found;
}
