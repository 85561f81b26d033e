/** What differs between the second and the third version of OpenAPI. */

export type Json = Record<string, unknown>;

export interface Parameter {
  name: string;
  in: "path" | "query";
  description: string;
  type: "string" | "integer" | "boolean";
}

/** What goes into an operation and comes out of it. */
export interface Body {
  /** Names of definitions; none: anything at all. */
  response: string | undefined;
  codes: readonly number[];
  accepts?: { schema: string; types: readonly string[]; required: boolean } | undefined;
}

export interface Dialect {
  ref(name: string, description?: string): Json;
  /** The parameters of an operation, and the members for its body. */
  operation(parameters: readonly Parameter[], body: Body): Json;
  parameter(parameter: Parameter): Json;
}

/** What objects are answered as. */
const ANSWERED = ["application/json", "application/yaml"];

const DESCRIPTIONS: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 401: "Unauthorized" };

/** By status code; anybody may be told that they are nobody. */
function responses(codes: readonly number[], content: Json): Json {
  const described = codes.map((code) => [code, { description: DESCRIPTIONS[code] ?? "", ...content }]);
  return { ...Object.fromEntries(described), 401: { description: DESCRIPTIONS[401] } };
}

export const V3: Dialect = {
  ref(name, description) {
    const ref = { $ref: `#/components/schemas/${name}` };
    return description === undefined ? ref : { allOf: [ref], description, default: {} };
  },
  parameter: ({ name, in: place, description, type }) => ({
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    schema: { type, uniqueItems: true },
  }),
  operation(parameters, { response, codes, accepts }) {
    const types = response === undefined ? ["*/*"] : ANSWERED;
    const schema = response === undefined ? { type: "string" } : V3.ref(response);
    return {
      parameters: parameters.map(V3.parameter),
      ...(accepts
        ? {
            requestBody: {
              ...(accepts.required ? { required: true } : {}),
              content: Object.fromEntries(
                accepts.types.map((each) => [each, { schema: V3.ref(accepts.schema) }]),
              ),
            },
          }
        : {}),
      responses: responses(codes, { content: Object.fromEntries(types.map((type) => [type, { schema }])) }),
    };
  },
};

export const V2: Dialect = {
  ref: (name, description) => ({
    $ref: `#/definitions/${name}`,
    ...(description === undefined ? {} : { description }),
  }),
  parameter: ({ name, in: place, description, type }) => ({
    name,
    in: place,
    description,
    ...(place === "path" ? { required: true } : {}),
    type,
    uniqueItems: true,
  }),
  operation(parameters, { response, codes, accepts }) {
    const body = accepts && {
      name: "body",
      in: "body",
      ...(accepts.required ? { required: true } : {}),
      schema: V2.ref(accepts.schema),
    };
    const schema = response === undefined ? { type: "string" } : V2.ref(response);
    return {
      consumes: accepts?.types ?? ["*/*"],
      produces: response === undefined ? ["*/*"] : ANSWERED,
      parameters: [...(body ? [body] : []), ...parameters.map(V2.parameter)],
      responses: responses(codes, { schema }),
      schemes: ["https"],
    };
  },
};
