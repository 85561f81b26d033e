/** `variables` of a policy: expressions with names, of which each may use those before it. */
import { type CompileError, compile } from "./cel.ts";
import type { PolicyEnvironment } from "./environment.ts";
import { DYN, type Type } from "./types/type.ts";

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

export type Extended =
  | { environment: PolicyEnvironment }
  /** Of the variable that does not compile, and what of it is wrong. */
  | { error: CompileError; name: string; part: "name" | "expression" };

const STRUCT = "kubernetes.variables";
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** As Kubernetes declares a variable: by its type, where that is no object's. */
function declared(type: Type): Type {
  if (type.kind === "list" || type.kind === "map") return { ...type, params: type.params.map(declared) };
  return type.kind === "plain" || type.kind === "time" || type.kind === "null" ? type : DYN;
}

function refused(name: string, message: string): Extended {
  return { error: { message, line: 1, column: 1 }, name, part: "name" };
}

/** The environment in which a policy's expressions are compiled, once its variables are. */
export function withVariables(base: PolicyEnvironment, expressions: readonly NamedExpression[]): Extended {
  let environment = base;
  for (const { name, expression } of expressions) {
    if (!NAME.test(name)) return refused(name, "not an identifier");
    if (environment.composed.has(name)) return refused(name, "two variables of this name");
    const compiled = compile(expression, environment);
    if ("error" in compiled) return { error: compiled.error, name, part: "expression" };
    const fields = new Map(environment.structs.get(STRUCT));
    fields.set(name, declared(compiled.program.type));
    environment = {
      ...environment,
      structs: new Map(environment.structs).set(STRUCT, fields),
      composed: new Map(environment.composed).set(name, compiled.program),
    };
  }
  return { environment };
}
