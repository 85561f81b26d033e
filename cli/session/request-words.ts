/** What a request asks for, in the words that kubectl would have for it. */
import type { Target } from "#core/approval.ts";
import { quoted } from "#core/shell-words.ts";

/** As records of requests have it. */
export interface AskedFor {
  verb: string;
  method?: string;
  /** Path and query. */
  uri: string;
  target?: Partial<Pick<Target, "subresource" | "namespace" | "name">> & Pick<Target, "group" | "resource">;
  /** Whether it is cut to what a record can hold. */
  shortened?: boolean;
}

/**
 * Such as `list pods -n demo -l app=web`. Of the parameters those are left out that change nothing of what is done or
 * shown; what is not known is told as it came. `body`: the options of a deletion, where it has some. Not yet fit for a terminal.
 */
export function requestWords(asked: AskedFor, body?: unknown): string {
  const { verb, method = "", uri, target, shortened } = asked;
  const at = uri.indexOf("?");
  const path = at < 0 ? uri : uri.slice(0, at);
  // A second question mark would be left out at the beginning.
  const query = [...new URLSearchParams(at < 0 ? "" : `&${uri.slice(at + 1)}`)];
  const isDeletion = verb === "delete" || verb === "deletecollection";
  const parameters = [...query, ...(isDeletion ? optionsIn(body) : [])];
  const said = parameters.map(([name, value]) => parameterWords(name, value, target?.name));
  const noted = said.filter((word) => word.startsWith("("));
  const command = parameters.flatMap(([name, value]) => (name === "command" ? [quoted(value)] : []));
  return [
    target === undefined
      ? `${verb || method.toLowerCase()} ${path}`
      : subjectWords(asked, target, path, parameters),
    ...said.filter((word) => word !== "" && !word.startsWith("(")),
    ...(command.length === 0 ? [] : ["--", ...command]),
    ...pageWords(parameters),
    ...new Set(noted),
    ...(shortened === true && uri.endsWith("…") ? ["…"] : []),
  ].join(" ");
}

/** How something is deleted, by DeleteOptions that an admission review had: `--cascade=orphan`. */
export function deletionWords(options: unknown): string[] {
  // Whether it is a dry run a review says itself.
  const told = optionsIn(options).filter(([name]) => name !== "dryRun");
  return told.map(([name, value]) => parameterWords(name, value, undefined));
}

/** What kubectl calls these. */
const SUBRESOURCES: Readonly<Record<string, string>> = {
  exec: "exec",
  attach: "attach",
  portforward: "port-forward",
  log: "logs",
};

type Parameter = readonly [name: string, value: string];

function subjectWords(
  { verb, method = "" }: AskedFor,
  target: NonNullable<AskedFor["target"]>,
  path: string,
  parameters: readonly Parameter[],
): string {
  const { group, resource, subresource = "", name } = target;
  // Only a server-side apply may be forced.
  const isApply = verb === "patch" && parameters.some(([parameter]) => parameter === "force");
  const does = isApply ? "apply --server-side" : verb || method.toLowerCase();
  const words = SUBRESOURCES[subresource] ?? [does, subresource].join(" ").trim();
  const kind = quoted(group === "" ? resource : `${resource}.${group}`);
  const what = name === undefined ? kind : `${kind}/${quoted(name)}`;
  // What follows a proxy is for whatever is behind it.
  const rest = decoded(path).split(`/${resource}/${name}/${subresource}/`).slice(1).join();
  return [words, what, ...placeWords(target), ...(rest === "" ? [] : [`/${rest}`])].join(" ");
}

/** Names may be escaped in it. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** None where it is in no namespace, or one itself. */
export function placeWords({
  group,
  resource,
  namespace = "",
}: Pick<Target, "group" | "resource" | "namespace">): string[] {
  const isNamespace = group === "" && resource === "namespaces";
  return namespace === "" || isNamespace ? [] : ["-n", quoted(namespace)];
}

/** "": it says nothing by itself. In parentheses: it is said last. */
type Words = (value: string, objectName: string | undefined) => string;

const SILENT: Words = () => "";
const flag =
  (words: string): Words =>
  (value) =>
    isTrue(value) ? words : "";
const option =
  (name: string): Words =>
  (value) =>
    `${name}${name.startsWith("--") ? "=" : " "}${quoted(value)}`;

const PARAMETERS: Readonly<Record<string, Words>> = {
  // Who writes, how long it may take, how it is written down, from which version on: nothing of what is done.
  ...{ fieldManager: SILENT, fieldValidation: SILENT, pretty: SILENT, hash: SILENT },
  ...{ timeout: SILENT, timeoutSeconds: SILENT, resourceVersion: SILENT, resourceVersionMatch: SILENT },
  ...{ allowWatchBookmarks: SILENT, sendInitialEvents: SILENT },
  // Told by the verb, or with others.
  ...{ watch: SILENT, limit: SILENT, continue: SILENT, command: SILENT, stdout: SILENT, stderr: SILENT },
  labelSelector: option("-l"),
  fieldSelector: (value, name) =>
    value === `metadata.name=${name}` ? "" : option("--field-selector")(value, name),
  container: option("-c"),
  stdin: flag("-i"),
  tty: flag("-t"),
  ports: (value) => quoted(value),
  follow: flag("-f"),
  previous: flag("-p"),
  timestamps: flag("--timestamps"),
  tailLines: option("--tail"),
  limitBytes: option("--limit-bytes"),
  sinceSeconds: (value) => `--since=${quoted(value)}s`,
  sinceTime: option("--since-time"),
  force: flag("--force-conflicts"),
  gracePeriodSeconds: option("--grace-period"),
  propagationPolicy: (value) => `--cascade=${quoted(value.toLowerCase())}`,
  orphanDependents: flag("--cascade=orphan"),
  precondition: (value) => `(only if ${quoted(value)})`,
  dryRun: () => "(dry run)",
};

function parameterWords(name: string, value: string, objectName: string | undefined): string {
  const words = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  return words === undefined ? `${quoted(name)}=${quoted(value)}` : words(value, objectName);
}

/** As Kubernetes reads it. */
function isTrue(value: string): boolean {
  return value.toLowerCase() !== "false" && value !== "0";
}

/** kubectl asks for so many at once where nobody says otherwise. */
const USUAL_PAGE = "500";

function pageWords(parameters: readonly Parameter[]): string[] {
  const value = (name: string) => parameters.find(([parameter]) => parameter === name)?.[1] ?? "";
  const limit = value("limit");
  const size = limit === "" || limit === "0" || limit === USUAL_PAGE ? "" : ` of ${quoted(limit)}`;
  if (value("continue") !== "") return [`(next page${size})`];
  return size === "" ? [] : [`(page${size})`];
}

/** DeleteOptions as if they were parameters, which they may be as well. */
function optionsIn(body: unknown): Parameter[] {
  if (typeof body !== "object" || body === null) return [];
  return Object.entries(body).flatMap(([name, value]): Parameter[] => {
    const known = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    return known?.(value) ?? [[name, textOf(value)]];
  });
}

const OPTIONS: Readonly<Record<string, (value: unknown) => Parameter[]>> = {
  kind: () => [],
  apiVersion: () => [],
  dryRun: (value) => (Array.isArray(value) && value.length === 0 ? [] : [["dryRun", "All"]]),
  preconditions: (value) =>
    Object.entries(value ?? {}).map(([of, is]) => ["precondition", `${of}=${textOf(is)}`]),
};

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
