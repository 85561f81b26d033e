/** The settings of the Hoop server, read from a YAML or JSON file, the environment and the command line by `main.ts`. */
import Value from "typebox/value";
import { parse } from "yaml";
import { Settings } from "./settings/schema.ts";

export type { Settings };

/** Where settings come from; what comes later in this list wins. */
export interface Sources {
  /** YAML or JSON, and what to call it in errors. */
  file?: { text: string; name: string };
  /** `HOOP_SET_HOLD_MAX_WAIT_SECONDS=50`; everything without the prefix is ignored. */
  env?: Readonly<Record<string, string | undefined>>;
  /** `hold.maxWaitSeconds=50`; values are YAML. */
  sets?: readonly string[];
}

const PREFIX = "HOOP_SET_";

/** Throws an error that names each field that is wrong. */
export function loadSettings({ file, env = {}, sets = [] }: Sources): Settings {
  const given: unknown = file === undefined ? {} : (parsed(file.text, file.name) ?? {});
  if (typeof given !== "object" || given === null) throw new Error(`${file?.name ?? ""} holds no settings`);
  for (const [name, value] of Object.entries(env))
    if (name.startsWith(PREFIX) && value !== undefined)
      assign(given, pathOfVariable(name), parsed(value, name), name);
  for (const set of sets) {
    const [, path, value] = /^([^=]+)=(.*)$/s.exec(set) ?? [];
    if (path === undefined)
      throw new Error(`--set ${set}: PATH=VALUE is wanted, such as hold.maxWaitSeconds=50`);
    assign(given, path.split("."), parsed(value ?? "", `--set ${path}`), `--set ${path}`);
  }
  return checked(given, file?.name ?? "the settings");
}

/** As `loadSettings`, from one text alone. */
export function parseSettings(text: string, source: string): Settings {
  return loadSettings({ file: { text, name: source } });
}

function parsed(yaml: string, source: string): unknown {
  try {
    return parse(yaml);
  } catch (cause) {
    throw new Error(`${source}: ${cause instanceof Error ? cause.message.trim() : String(cause)}`, { cause });
  }
}

function checked(given: object, source: string): Settings {
  const complete = Value.Default(Settings, Value.Clone(given));
  if (Value.Check(Settings, complete)) return complete;
  const problems = problemsIn(complete).map(({ field, what }) => `  ${field}: ${what}`);
  throw new Error(`${source}: this is not valid:\n${[...new Set(problems)].join("\n")}`);
}

/** In words for whoever wrote the settings: what may stand there, not which branch of the schema has not matched. */
function problemsIn(settings: unknown): { field: string; what: string }[] {
  // These two only say that something is wrong inside, or here.
  const errors = Value.Errors(Settings, settings).filter(
    ({ keyword }) => keyword !== "anyOf" && keyword !== "boolean",
  );
  const field = (path: string) => (path === "" ? "/" : path.slice(1).replaceAll("/", "."));
  return errors.map((error) => {
    const { instancePath, keyword, message } = error;
    if (keyword === "const") {
      const values = errors.flatMap((other) =>
        other.keyword === "const" && other.instancePath === instancePath ? [other.params.allowedValue] : [],
      );
      return { field: field(instancePath), what: `must be ${values.join(" or ")}` };
    }
    if (keyword === "additionalProperties")
      return {
        field: field(instancePath),
        what: `there is no such setting: ${error.params.additionalProperties.join(", ")}`,
      };
    return { field: field(instancePath), what: message };
  });
}

/** Every setting there is: dotted path, default and description, as `--help` tells them. */
export function settingsHelp(): string {
  return leaves()
    .map(({ path, schema }) => {
      const fallback = schema.default === undefined ? "" : ` (default ${JSON.stringify(schema.default)})`;
      return `  ${path.join(".")}${fallback}${schema.description === undefined ? "" : `\n      ${schema.description}`}`;
    })
    .join("\n");
}

interface Leaf {
  path: string[];
  schema: { default?: unknown; description?: string };
}

function leaves(schema: object = Settings, path: string[] = []): Leaf[] {
  if (!("properties" in schema)) return [{ path, schema }];
  return Object.entries(schema.properties as Record<string, object>).flatMap(([key, member]) =>
    leaves(member, [...path, key]),
  );
}

function pathOfVariable(name: string): string[] {
  const found = leaves().find(({ path }) => variableOf(path) === name);
  if (found === undefined) throw new Error(`${name}: there is no such setting (hoop --help lists them)`);
  return found.path;
}

function variableOf(path: readonly string[]): string {
  return PREFIX + path.map((part) => part.replace(/[A-Z]/g, "_$&").toUpperCase()).join("_");
}

/** Below what is no object of its own (`store`, `callers`) any member may be set: the schema judges it afterwards. */
function assign(target: object, path: readonly string[], value: unknown, source: string): void {
  const dotted = path.join(".");
  const known = leaves().some(({ path: leaf }) => {
    const name = leaf.join(".");
    return dotted === name || dotted.startsWith(`${name}.`) || name.startsWith(`${dotted}.`);
  });
  if (!known || path.includes("__proto__"))
    throw new Error(`${source}: there is no such setting (hoop --help lists them)`);
  place(target as Record<string, unknown>, path, value);
}

function place(
  target: Record<string, unknown>,
  [key = "", ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) {
    target[key] = value;
    return;
  }
  const inner = Object.hasOwn(target, key) ? target[key] : {};
  const object = typeof inner === "object" && inner !== null ? { ...inner } : {};
  place(object, rest, value);
  target[key] = object;
}
