/** A walk over what an API server documents of its own objects, OpenAPI v3. */

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
}

export interface Document {
  paths: Record<
    string,
    { post?: { requestBody?: { content: Record<string, { schema: Schema }> }; [extension: string]: unknown } }
  >;
  components: { schemas: Record<string, Schema> };
}

export interface Field {
  /** `containers[].env[].name`: from the schema that the walk began with. */
  path: string;
  name: string;
  /** The last part of its type's name, or of its items'; "" for what has none. */
  type: string;
  description: string;
}

/** The name of the schema it refers to, itself or by its items or members. */
function referred(schema: Schema | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const { $ref, allOf = [], items, additionalProperties } = schema;
  const named = [$ref, ...allOf.map((part) => part.$ref)].find((ref) => ref !== undefined);
  if (named !== undefined) return named.replace(/^.*\//, "");
  return (
    referred(items) ?? (typeof additionalProperties === "object" ? referred(additionalProperties) : undefined)
  );
}

/** Every field below a schema, but below none for which `ends` holds, and in no schema twice on one way. */
export function* fieldsBelow(
  document: Document,
  schema: string,
  ends: (field: Field) => boolean = () => false,
  prefix = "",
  above: readonly string[] = [],
): Generator<Field> {
  for (const [name, property] of Object.entries(document.components.schemas[schema]?.properties ?? {})) {
    const type = referred(property);
    const path = `${prefix}${name}${property.items === undefined ? "" : "[]"}`;
    const field = {
      path,
      name,
      type: type?.replace(/^.*\./, "") ?? "",
      description: property.description ?? "",
    };
    yield field;
    if (type === undefined || above.includes(type) || ends(field)) continue;
    yield* fieldsBelow(document, type, ends, `${path}.`, [...above, type]);
  }
}

/** What can be made: the resource by the last part of its path, and the schema of its body. */
export function creatable({ paths }: Document): { resource: string; schema: string }[] {
  return Object.entries(paths).flatMap(([path, { post }]) => {
    const schema = referred(Object.values(post?.requestBody?.content ?? {})[0]?.schema);
    return schema === undefined ? [] : [{ resource: path.replace(/^.*\//, ""), schema }];
  });
}
