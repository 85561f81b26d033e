/** The forms in which an object, a list or a watched change is shown, as the JSON that leaves. */
import { duration } from "./duration.ts";
import type { Form, MetaVersion } from "./negotiate.ts";
import type { Presented } from "./present.ts";
import type { Column, KubeObject } from "./resource.ts";
import { StatusError } from "./status.ts";

declare const REPRESENTED: unique symbol;

/** JSON of presented objects. Made here alone. */
export interface Represented {
  readonly json: string;
  readonly [REPRESENTED]: true;
}

/** The same, bit by bit. To be read once. */
export interface RepresentedStream {
  readonly texts: AsyncIterable<string>;
  readonly [REPRESENTED]: true;
}

/** What representing needs to know of a resource. */
export interface Shown<T extends KubeObject> {
  group: string;
  version: string;
  kind: string;
  columns: readonly Column<T>[];
}

export type IncludeObject = "None" | "Metadata" | "Object";

/**
 * What a Table includes of its objects; "Metadata" where none is asked for.
 * @throws {StatusError} BadRequest for another value of `includeObject`.
 */
export function includeObject(query: URLSearchParams, form: Form): IncludeObject {
  if (form.as !== "Table") return "Metadata";
  const value = query.get("includeObject") ?? "";
  switch (value) {
    case "":
      return "Metadata";
    case "None":
    case "Metadata":
    case "Object":
      return value;
    default:
      throw new StatusError(
        "BadRequest",
        `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: ` +
          "must be 'Metadata', 'Object', 'None', or empty",
      );
  }
}

/** ListMeta of meta/v1. */
export interface ListMeta {
  /** None: what is shown was not stored. */
  resourceVersion?: string;
  continue?: string;
  remainingItemCount?: number;
}

export function representObject<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  object: Presented<T>,
): Represented {
  switch (form.as) {
    case "object":
      return whole(object);
    case "PartialObjectMetadata":
      return partial(form.version, object);
    case "Table": {
      const { head, tail } = tableText(form.version, columnsText(shown), versionOf(object));
      return represented(head + rowText(shown, form.version, include, object, SHARED) + tail);
    }
    case "PartialObjectMetadataList":
      throw new StatusError(
        "NotAcceptable",
        `you requested ${form.as}, but the requested object is not a list`,
      );
  }
}

export function representList<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  items: readonly Presented<T>[],
  metadata: ListMeta,
): Represented {
  const { head, item, tail } = listTexts(shown, form, include, metadata, SHARED);
  return represented(`${head}${items.map(item).join(",")}${tail}`);
}

/** The same text as of a list that is at hand, in parts as its items come. */
export function representStream<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  parts: AsyncIterable<readonly Presented<T>[]>,
  metadata: ListMeta,
): RepresentedStream {
  return new JsonParts(
    textsOf(listTexts(shown, form, include, metadata, PASSING), parts),
  ) as RepresentedStream;
}

async function* textsOf<T>(
  { head, item, tail }: ListTexts<T>,
  parts: AsyncIterable<readonly Presented<T>[]>,
): AsyncGenerator<string> {
  let before = head;
  for await (const part of parts) {
    if (part.length === 0) continue;
    yield before + part.map(item).join(",");
    before = ",";
  }
  yield before === head ? head + tail : tail;
}

/** What stands before the items, between commas, and after them. */
interface ListTexts<T> {
  head: string;
  item: (object: Presented<T>) => string;
  tail: string;
}

function listTexts<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
  metadata: ListMeta,
  texts: Texts,
): ListTexts<T> {
  switch (form.as) {
    case "object": {
      const type = { kind: `${shown.kind}List`, apiVersion: `${shown.group}/${shown.version}` };
      // Lists of custom resources show the token also where it is empty.
      return { ...listText(type, { continue: "", ...metadata }), item: texts.whole };
    }
    case "PartialObjectMetadataList": {
      const { version } = form;
      const item = (object: Presented<T>) => texts.partial(version, object);
      return { ...listText(metaType(form.as, version), metadata), item };
    }
    case "Table": {
      const item = (object: Presented<T>) => rowText(shown, form.version, include, object, texts);
      return { ...tableText(form.version, columnsText(shown), metadata), item };
    }
    case "PartialObjectMetadata":
      throw new StatusError(
        "NotAcceptable",
        `you requested ${form.as}, but the requested object is a list (*unstructured.UnstructuredList)`,
      );
  }
}

/** Shows the objects of one watch: a Table tells its columns only the first time. */
export interface WatchRepresentation<T> {
  object(object: Presented<T>): Represented;
  bookmark(resourceVersion: string, initialEventsEnd: boolean): Represented;
}

export function watchRepresentation<T extends KubeObject>(
  shown: Shown<T>,
  form: Form,
  include: IncludeObject,
): WatchRepresentation<T> {
  return form.as === "Table"
    ? tableRepresentation(shown, form.version, include)
    : {
        object: (object) => representObject(shown, form, include, object),
        bookmark(resourceVersion, initialEventsEnd) {
          const type = form.as === "object" ? typeOf(shown) : metaType("PartialObjectMetadata", form.version);
          return represented(bookmarkText(type, resourceVersion, initialEventsEnd));
        },
      };
}

function tableRepresentation<T extends KubeObject>(
  shown: Shown<T>,
  version: MetaVersion,
  include: IncludeObject,
): WatchRepresentation<T> {
  let columns: string | null = columnsText(shown);
  const table = (row: string, metadata: ListMeta): Represented => {
    const { head, tail } = tableText(version, columns, metadata);
    columns = null;
    return represented(head + row + tail);
  };
  return {
    object: (object) => table(rowText(shown, version, include, object, SHARED), versionOf(object)),
    bookmark(resourceVersion, initialEventsEnd) {
      const type = include === "Object" ? typeOf(shown) : metaType("PartialObjectMetadata", version);
      // What ends the initial events must arrive whatever the client asked to include.
      const isShown = include !== "None" || initialEventsEnd;
      const object = isShown ? bookmarkText(type, resourceVersion, initialEventsEnd) : "null";
      const cells = JSON.stringify(["", ...shown.columns.map(() => null)]);
      return table(`{"cells":${cells},"object":${object}}`, { resourceVersion });
    },
  };
}

interface Type {
  kind: string;
  apiVersion: string;
}

function typeOf({ kind, group, version }: Shown<never>): Type {
  return { kind, apiVersion: `${group}/${version}` };
}

function metaType(kind: string, version: MetaVersion): Type {
  return { kind, apiVersion: `meta.k8s.io/${version}` };
}

function versionOf({ metadata }: KubeObject): ListMeta {
  const { resourceVersion } = metadata;
  return resourceVersion === undefined ? {} : { resourceVersion };
}

export function isRepresented(body: object): body is Represented {
  return body instanceof Json;
}

/** So that nothing else can be taken for it. */
class Json {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

function represented(json: string): Represented {
  return new Json(json) as Represented;
}

export function isStream(body: object): body is RepresentedStream {
  return body instanceof JsonParts;
}

class JsonParts {
  readonly texts: AsyncIterable<string>;

  constructor(texts: AsyncIterable<string>) {
    this.texts = texts;
  }
}

/** Objects are shared between all who see the same of them; each is turned into text once. */
function memoized(text: (object: KubeObject) => string): (object: Presented<KubeObject>) => Represented {
  const made = new WeakMap<KubeObject, Represented>();
  return (object) => {
    const known = made.get(object);
    if (known !== undefined) return known;
    const representation = represented(text(object));
    made.set(object, representation);
    return representation;
  };
}

const whole = memoized(wholeText);

const PARTIAL: Readonly<Record<MetaVersion, (object: Presented<KubeObject>) => Represented>> = {
  v1: memoized((object) => partialText("v1", object)),
  v1beta1: memoized((object) => partialText("v1beta1", object)),
};

function wholeText(object: KubeObject): string {
  return JSON.stringify(object);
}

function partialText(version: MetaVersion, { metadata }: KubeObject): string {
  return JSON.stringify({ ...metaType("PartialObjectMetadata", version), metadata });
}

function partial(version: MetaVersion, object: Presented<KubeObject>): Represented {
  return PARTIAL[version](object);
}

interface Texts {
  whole(object: Presented<KubeObject>): string;
  partial(version: MetaVersion, object: Presented<KubeObject>): string;
}

const SHARED: Texts = {
  whole: (object) => whole(object).json,
  partial: (version, object) => partial(version, object).json,
};

/** Of objects that nobody else sees: to keep their texts would cost more than it saves. */
const PASSING: Texts = { whole: wholeText, partial: partialText };

function bookmarkText(type: Type, resourceVersion: string, initialEventsEnd: boolean): string {
  const annotations = initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {};
  return JSON.stringify({ ...type, metadata: { ...annotations, resourceVersion } });
}

function listText(type: Type, metadata: ListMeta): { head: string; tail: string } {
  const head = JSON.stringify({ ...type, metadata }).slice(0, -1);
  return { head: `${head},"items":[`, tail: "]}" };
}

function tableText(
  version: MetaVersion,
  columns: string | null,
  metadata: ListMeta,
): { head: string; tail: string } {
  const head = JSON.stringify({ ...metaType("Table", version), metadata }).slice(0, -1);
  return { head: `${head},"columnDefinitions":${columns},"rows":[`, tail: "]}" };
}

/** As ObjectMeta documents it. */
const NAME_DESCRIPTION =
  "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a " +
  "client to request the generation of an appropriate name automatically. Name is primarily intended for creation " +
  "idempotence and configuration definition. Cannot be updated. More info: " +
  "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

function columnsText<T extends KubeObject>({ columns }: Shown<T>): string {
  const definitions = columns.map(({ name, type, description, priority = 0 }) => {
    return { name, type, format: "", description, priority };
  });
  return JSON.stringify([
    { name: "Name", type: "string", format: "name", description: NAME_DESCRIPTION, priority: 0 },
    ...definitions,
  ]);
}

function rowText<T extends KubeObject>(
  { columns }: Shown<T>,
  version: MetaVersion,
  include: IncludeObject,
  object: Presented<T>,
  texts: Texts,
): string {
  const now = Date.now();
  const cells = [object.metadata.name, ...columns.map((column) => cellOf(column, object, now))];
  const shown = {
    None: () => "null",
    Metadata: () => texts.partial(version, object),
    Object: () => texts.whole(object),
  };
  return `{"cells":${JSON.stringify(cells)},"object":${shown[include]()}}`;
}

function cellOf<T>(column: Column<T>, object: T, now: number): string | number | boolean | null {
  const value = column.cell(object);
  if (column.type !== "date" || typeof value !== "string") return value;
  const time = Date.parse(value);
  return Number.isNaN(time) ? "<invalid>" : duration(now - time);
}
