/** The CustomResourceDefinition of AgentPolicies says what core/policy/spec.ts says. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { AgentPolicySpec } from "#core/policy/spec.ts";

/** Of a JSON schema, and of a structural one, what both have. */
interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  patternProperties?: Record<string, Schema>;
  anyOf?: { const: string }[];
  enum?: string[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  description?: string;
  default?: unknown;
  [extension: `x-${string}`]: unknown;
}

/** A JSON schema is an object whose type says more. */
const OURS: Schema = JSON.parse(JSON.stringify(AgentPolicySpec));
const FILE = join(import.meta.dirname, "..", "..", "deploy", "base", "agent-policies.yaml");

/** What the CustomResourceDefinition must say word for word where the specification says it. */
const SAME = ["pattern", "minLength", "minimum", "maximum"] as const;

function typeOf({ type, anyOf }: Schema): string | undefined {
  return anyOf === undefined ? type : "string";
}

/** Every way in which the second is not the first, or says less. */
function differences(ours: Schema, theirs: Schema | undefined, path: string): string[] {
  if (theirs === undefined) return [`${path}: missing`];
  const told: string[] = [];
  if (typeOf(ours) !== theirs.type) told.push(`${path}: ${theirs.type} in place of ${typeOf(ours)}`);
  const values = ours.anyOf?.map((one) => one.const);
  if (values !== undefined && JSON.stringify(values) !== JSON.stringify(theirs.enum))
    told.push(`${path}: enum ${JSON.stringify(theirs.enum)}`);
  for (const keyword of SAME)
    if (ours[keyword] !== undefined && ours[keyword] !== theirs[keyword])
      told.push(`${path}: ${keyword} ${theirs[keyword]} in place of ${ours[keyword]}`);
  if (
    ours.description !== undefined &&
    ours.description.length > 4 &&
    ours.description !== theirs.description
  )
    told.push(`${path}: description`);
  if (ours.maxLength !== undefined && ours.maxLength !== theirs.maxLength)
    told.push(`${path}: maxLength ${theirs.maxLength}`);
  const required = (schema: Schema) => JSON.stringify([...(schema.required ?? [])].sort());
  if (required(ours) !== required(theirs)) told.push(`${path}: required ${required(theirs)}`);
  return [...told, ...members(ours, theirs, path)];
}

function members(ours: Schema, theirs: Schema, path: string): string[] {
  const [values] = Object.values(ours.patternProperties ?? {});
  const extra = Object.keys(theirs.properties ?? {}).filter((name) => ours.properties?.[name] === undefined);
  const map = typeof theirs.additionalProperties === "object" ? theirs.additionalProperties : undefined;
  return [
    ...extra.map((name) => `${path}.${name}: not in the specification`),
    ...Object.entries(ours.properties ?? {}).flatMap(([name, schema]) =>
      differences(schema, theirs.properties?.[name], `${path}.${name}`),
    ),
    ...(ours.items === undefined ? [] : differences(ours.items, theirs.items, `${path}[]`)),
    ...(values === undefined ? [] : differences(values, map, `${path}{}`)),
  ];
}

function* everywhere(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* everywhere(property, `${path}.${name}`);
  if (schema.items !== undefined) yield* everywhere(schema.items, `${path}[]`);
}

describe("the CustomResourceDefinition of AgentPolicies", () => {
  let spec: Schema;
  before(async () => {
    const definition = parse(await readFile(FILE, "utf8")) as {
      spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] };
    };
    const [version] = definition.spec.versions;
    spec = version?.schema.openAPIV3Schema.properties.spec ?? {};
  });

  it("has the shape that AgentPolicies have everywhere", () => {
    expect(differences(OURS, spec, "spec")).to.deep.equal([]);
  });

  it("bounds every list and every text", () => {
    const unbounded = [...everywhere(spec, "spec")]
      .filter(
        ([, { type, maxItems, maxLength, enum: values }]) =>
          (type === "array" && maxItems === undefined) ||
          (type === "string" && maxLength === undefined && values === undefined),
      )
      .map(([path]) => path);
    expect(unbounded).to.deep.equal([]);
  });

  it("says of every field what it is, but of those that Kubernetes explains", () => {
    const isKubernetes = /\.(?:matchLabels|matchExpressions|paramKind\.)/;
    const silent = [...everywhere(spec, "spec")].filter(
      ([path, { description = "" }]) =>
        !path.endsWith("[]") && !isKubernetes.test(path) && description.length < 4,
    );
    expect(silent.map(([path]) => path)).to.deep.equal([]);
    const times = spec.properties?.["rules"]?.items?.properties?.["approval"]?.properties ?? {};
    const told = ["expiresIn", "validFor", "maxWait"].map((time) => times[time]?.description);
    expect(new Set(told).size).to.equal(3);
  });

  it("merges what has a name by it", () => {
    const lists = [...everywhere(spec, "spec")].filter(
      ([, { type, items }]) => type === "array" && items?.required?.includes("name"),
    );
    expect(lists.map(([path]) => path)).to.deep.equal([
      "spec.matchConditions",
      "spec.variables",
      "spec.rules",
    ]);
    for (const [path, list] of lists) {
      expect(list["x-kubernetes-list-type"], path).to.equal("map");
      expect(list["x-kubernetes-list-map-keys"], path).to.deep.equal(["name"]);
    }
  });

  it("would not pass for one that lacks a field, a value or a limit", () => {
    const without = structuredClone(spec);
    const rule = without.properties?.["rules"]?.items?.properties ?? {};
    delete rule["severity"];
    Object.assign(rule["mode"] ?? {}, { enum: ["Enforce"] });
    Object.assign(rule["when"] ?? {}, { maxLength: 5 });
    Object.assign(rule, { more: { type: "string" } });
    expect(differences(OURS, without, "spec")).to.have.members([
      "spec.rules[].severity: missing",
      'spec.rules[].mode: enum ["Enforce"]',
      "spec.rules[].when: maxLength 5",
      "spec.rules[].more: not in the specification",
    ]);
  });
});
