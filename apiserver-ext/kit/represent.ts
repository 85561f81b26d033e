/** The forms in which an object, a list or a watched change is shown. */
import { duration } from "./duration.ts";
import type { Form, MetaVersion } from "./negotiate.ts";
import type { Column, KubeObject } from "./resource.ts";
import { StatusError } from "./status.ts";

/** What representing needs to know of a resource. */
export interface Shown<T extends KubeObject> {
  group: string;
  version: string;
  kind: string;
  columns: readonly Column<T>[];
}

export type IncludeObject = "None" | "Metadata" | "Object";

/** @throws {StatusError} BadRequest for another value of `includeObject`. */
export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject") ?? "";
  switch (value) {
    case "":
      return "Metadata";
    case "None":
    case "Metadata":
    case "Object":
      return value;
    default:
      throw new StatusError("BadRequest", `unrecognized includeObject value: ${JSON.stringify(value)}`);
  }
}

interface ListMeta {
  resourceVersion: string;
}

export function representObject<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  object: T,
): unknown {
  switch (form.as) {
    case "object":
      return object;
    case "Table":
      return table(shown, form.version, include, [object], { resourceVersion: versionOf(object) });
    case "PartialObjectMetadata":
      return partial(form.version, object);
    case "PartialObjectMetadataList":
      throw mismatch(form.as, "is not a list");
  }
}

export function representList<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  items: readonly T[],
  metadata: ListMeta,
): unknown {
  switch (form.as) {
    case "object":
      return { kind: `${shown.kind}List`, apiVersion: `${shown.group}/${shown.version}`, metadata, items };
    case "Table":
      return table(shown, form.version, include, items, metadata);
    case "PartialObjectMetadata":
      throw mismatch(form.as, "is a list");
    case "PartialObjectMetadataList":
      return {
        kind: form.as,
        apiVersion: `meta.k8s.io/${form.version}`,
        metadata,
        items: items.map((item) => partial(form.version, item)),
      };
  }
}

/** Shows the objects of one watch: a Table tells its columns only the first time. */
export function watchRepresentation<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
): { object(object: T): unknown; bookmark(revision: string, annotations?: Record<string, string>): unknown } {
  let told = false;
  const once = (value: unknown): unknown => {
    const short = told && form.as === "Table";
    told = true;
    return short ? { ...(value as object), columnDefinitions: null } : value;
  };
  return {
    object: (object) => once(representObject(shown, form, include, object)),
    bookmark(revision, annotations) {
      const metadata = {
        resourceVersion: revision,
        creationTimestamp: null,
        ...(annotations ? { annotations } : {}),
      };
      if (form.as === "object") {
        return { kind: shown.kind, apiVersion: `${shown.group}/${shown.version}`, metadata };
      }
      const object = { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${form.version}`, metadata };
      if (form.as !== "Table") return object;
      // Annotations must arrive whatever the client asked to include.
      const row = {
        cells: shown.columns.map(() => null),
        object: include === "None" && !annotations ? null : object,
      };
      row.cells.unshift(null);
      return once(tableOf(shown, form.version, [row], { resourceVersion: revision }));
    },
  };
}

function mismatch(as: string, what: string): StatusError {
  return new StatusError("NotAcceptable", `you requested ${as}, but the requested object ${what}`);
}

function partial(version: MetaVersion, object: KubeObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

function versionOf(object: KubeObject): string {
  return object.metadata.resourceVersion ?? "";
}

interface TableRow {
  cells: readonly (string | number | boolean | null)[];
  object: unknown;
}

function table<T extends KubeObject>(
  shown: Shown<T>,
  version: MetaVersion,
  include: IncludeObject,
  objects: readonly T[],
  metadata: ListMeta,
): object {
  const now = Date.now();
  const rows = objects.map((object) => ({
    cells: [object.metadata.name, ...shown.columns.map((column) => cellOf(column, object, now))],
    object: { None: null, Metadata: partial(version, object), Object: object }[include],
  }));
  return tableOf(shown, version, rows, metadata);
}

function tableOf<T extends KubeObject>(
  shown: Shown<T>,
  version: MetaVersion,
  rows: readonly TableRow[],
  metadata: ListMeta,
): object {
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description: "The name of the object.", priority: 0 },
      ...shown.columns.map(({ name, type, description, priority = 0 }) => ({
        name,
        type,
        format: "",
        description,
        priority,
      })),
    ],
    rows,
  };
}

function cellOf<T>(column: Column<T>, object: T, now: number): TableRow["cells"][number] {
  const value = column.cell(object);
  if (column.type !== "date" || typeof value !== "string") return value;
  const time = Date.parse(value);
  return Number.isNaN(time) ? "<unknown>" : duration(now - time);
}
