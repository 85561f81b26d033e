/** The same resource as a CustomResourceDefinition: what kube-apiserver serves by itself. */
import type { TSchema } from "typebox";
import { GADGET_COLUMNS, GADGET_FIELDS, GADGET_NAMES, GADGET_SCHEMA } from "./gadget.ts";

/** JSON Schema as TypeBox writes it down. */
interface Node {
  properties?: Record<string, Node>;
  items?: Node;
  anyOf?: Node[];
  patternProperties?: Record<string, Node>;
  required?: string[];
  default?: unknown;
  const?: unknown;
  type?: string;
  [keyword: string]: unknown;
}

/** The structural schema that means the same. What has a default is not required: defaults come before validation. */
function structural(schema: TSchema): object {
  return translated(schema as Node);
}

function translated({ properties, items, anyOf, patternProperties, required, ...rest }: Node): object {
  const { "~kind": _kind, "~optional": _optional, ...plain } = rest;
  const values = patternProperties && Object.values(patternProperties)[0];
  return {
    ...plain,
    ...(anyOf ? union(anyOf) : {}),
    ...(items ? { items: translated(items) } : {}),
    ...(values ? { additionalProperties: translated(values) } : {}),
    ...(properties ? { properties: mapped(properties), ...requiredOf(properties, required ?? []) } : {}),
  };
}

function mapped(properties: Record<string, Node>): object {
  return Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, translated(node)]));
}

function requiredOf(properties: Record<string, Node>, names: readonly string[]): object {
  const required = names.filter((name) => properties[name]?.default === undefined);
  return required.length > 0 ? { required } : {};
}

function union(anyOf: readonly Node[]): object {
  const some = anyOf.filter(({ type }) => type !== "null");
  const nullable = some.length < anyOf.length ? { nullable: true } : {};
  const [first, ...more] = some;
  if (first && more.length === 0 && first.const === undefined) return { ...translated(first), ...nullable };
  return { type: "string", enum: some.map((each) => each.const), ...nullable };
}

export function twinDefinition(group: string): object {
  const { version, kind, plural, singular, scope, shortNames, categories, description } = GADGET_NAMES;
  const schema = structural(GADGET_SCHEMA);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular, shortNames, categories, listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { ...schema, description } },
          subresources: { status: {} },
          additionalPrinterColumns: GADGET_COLUMNS.map(({ path, ...column }) => ({
            ...column,
            jsonPath: path,
          })),
          selectableFields: GADGET_FIELDS.map((path) => ({ jsonPath: path })),
        },
      ],
    },
  };
}
