/** `kind: AgentPolicyTest`: requests as an agent would make them, and what is to become of each. */
import Type, { type Static } from "typebox";
import type { JsonObject } from "../admission.ts";
import { documentsIn, type SourceDocument, type SourceProblem, schemaProblems } from "./documents.ts";

const closed = { additionalProperties: false };
const Text = Type.String();
const Name = Type.String({ minLength: 1 });
const Texts = Type.Array(Text);
const Names = Type.Array(Name);
const Bool = Type.Boolean();
const Anything = Type.Record(Text, Type.Unknown());
const optional = Type.Optional;

const Metadata = Type.Object({ name: Name });
const Around = Type.Object({ metadata: Metadata });
const InNamespace = Type.Object({ metadata: Type.Object({ name: Name, namespace: Name }) });
const Param = Type.Object({ apiVersion: Name, kind: Name, metadata: Metadata });

/** Who asks. A ServiceAccount by its user name, or shortly as NAMESPACE/NAME, is in the groups it is always in. */
export const FixtureUser = Type.Object(
  {
    user: optional(Name),
    serviceAccount: optional(Type.String({ pattern: "^[^/:]+/[^/:]+$" })),
    uid: optional(Text),
    groups: optional(Texts),
    extra: optional(Type.Record(Text, Texts)),
    /** The request comes out of a session of that agent's: it is of the session's ServiceAccount. */
    session: optional(
      Type.Object(
        {
          name: Type.String({ pattern: "^[^/]+/[^/]+$", description: "NAMESPACE/NAME" }),
          profile: Name,
          serviceAccount: Type.String({ pattern: "^[^/:]+/[^/:]+$" }),
        },
        closed,
      ),
    ),
  },
  closed,
);
export type FixtureUser = Static<typeof FixtureUser>;

/** What is left out follows from the rest: see {@link ./fixture-request.ts}. */
export const FixtureRequest = Type.Object(
  {
    operation: optional(
      Type.Union([
        Type.Literal("CREATE"),
        Type.Literal("UPDATE"),
        Type.Literal("DELETE"),
        Type.Literal("CONNECT"),
      ]),
    ),
    resource: optional(
      Type.String({
        pattern: "^[a-z0-9-]+(\\.[a-z0-9.-]+)?(/[a-z0-9-]+)?$",
        description: "RESOURCE[.GROUP][/SUBRESOURCE]",
      }),
    ),
    subresource: optional(Text),
    namespace: optional(Text),
    name: optional(Text),
    object: optional(Anything),
    oldObject: optional(Anything),
    /** A merge patch (RFC 7386) of oldObject, instead of object. */
    patch: optional(Anything),
    options: optional(Anything),
    dryRun: optional(Bool),
    through: optional(Type.Literal("secure-secrets")),
  },
  closed,
);
export type FixtureRequest = Static<typeof FixtureRequest>;

/** An answer of the API server's authorizers, to the checks in which all that is said here is so. */
const Access = Type.Object(
  {
    allowed: Bool,
    reason: optional(Text),
    user: optional(Text),
    serviceAccount: optional(Text),
    verb: optional(Text),
    path: optional(Text),
    group: optional(Text),
    resource: optional(Text),
    subresource: optional(Text),
    namespace: optional(Text),
    name: optional(Text),
  },
  closed,
);
export type FixtureAccess = Static<typeof Access>;

const Expected = Type.Object(
  {
    verdict: Type.Union([
      Type.Literal("Allow"),
      Type.Literal("Hold"),
      Type.Literal("Deny"),
      Type.Literal("CouldNotTell"),
    ]),
    rules: optional(Names),
    notRules: optional(Names),
    warnings: optional(Names),
    audited: optional(Names),
    message: optional(Name),
    approvers: optional(
      Type.Array(
        Type.Object({ groups: optional(Names), count: optional(Type.Integer({ minimum: 1 })) }, closed),
      ),
    ),
  },
  closed,
);
export type Expected = Static<typeof Expected>;

const surroundings = {
  as: optional(FixtureUser),
  namespaces: optional(Type.Array(Around)),
  serviceAccounts: optional(Type.Array(InNamespace)),
  /** What the request goes to, where its own objects do not tell: the pod of an exec, the Deployment that is scaled. */
  target: optional(Anything),
  /** What goes with what is deleted: its kind, name and annotations, and `of`, the kind of the owner through which it does. */
  dependents: optional(Type.Array(Anything)),
  params: optional(Type.Array(Param)),
  access: optional(Type.Array(Access)),
};

const FixtureCase = Type.Object(
  { name: Name, request: FixtureRequest, expect: Expected, ...surroundings },
  closed,
);
export type FixtureCase = Static<typeof FixtureCase>;

const AgentPolicyTest = Type.Object(
  {
    apiVersion: Type.Literal("policy.hoop.dev/v1alpha1"),
    kind: Type.Literal("AgentPolicyTest"),
    metadata: optional(Anything),
    ...surroundings,
    cases: Type.Array(FixtureCase, { minItems: 1 }),
  },
  closed,
);
export type AgentPolicyTest = Static<typeof AgentPolicyTest>;

/** What the API server would have around a request; what is not named here exists, and has nothing to say. */
export interface Surroundings {
  as: FixtureUser;
  namespaces: readonly JsonObject[];
  serviceAccounts: readonly JsonObject[];
  target?: JsonObject;
  dependents: readonly JsonObject[];
  params: readonly JsonObject[];
  access: readonly FixtureAccess[];
}

export interface Fixture {
  name: string;
  source: string;
  line: number;
  request: FixtureRequest;
  around: Surroundings;
  expect: Expected;
}

export const TEST_KIND = "AgentPolicyTest";
const NOBODY: FixtureUser = {};

/** The cases of one document, those of the whole document around each of them; or what is wrong with it. */
export function fixturesOf(document: SourceDocument): { fixtures: Fixture[]; problems: SourceProblem[] } {
  const problems = schemaProblems(AgentPolicyTest, document);
  if (problems.length > 0) return { fixtures: [], problems };
  // The parsing edge: the schema has just been checked.
  const test = document.value as unknown as AgentPolicyTest;
  const fixtures = test.cases.map((one, index): Fixture => {
    const { source, line } = document.problem(["cases", index], "");
    const { name, request, expect } = one;
    return { name, source, line, request, expect, around: surroundingsOf(test, one) };
  });
  return { fixtures, problems: [] };
}

/** The fixtures of a YAML text; documents of other kinds are passed over. */
export function fixturesIn(yaml: string, source: string): { fixtures: Fixture[]; problems: SourceProblem[] } {
  const { documents, problems } = documentsIn(yaml, source);
  const read = documents.filter(({ kind }) => kind === TEST_KIND).map(fixturesOf);
  return {
    fixtures: read.flatMap(({ fixtures }) => fixtures),
    problems: [...problems, ...read.flatMap((one) => one.problems)],
  };
}

/** What a case says comes before what the document says of the same thing. */
function surroundingsOf(test: AgentPolicyTest, one: FixtureCase): Surroundings {
  const both = <K extends "namespaces" | "serviceAccounts" | "params">(key: K) =>
    [...(one[key] ?? []), ...(test[key] ?? [])] as unknown as JsonObject[];
  const target = (one.target ?? test.target) as unknown as JsonObject | undefined;
  return {
    as: one.as ?? test.as ?? NOBODY,
    namespaces: both("namespaces"),
    serviceAccounts: both("serviceAccounts"),
    ...(target === undefined ? {} : { target }),
    dependents: (one.dependents ?? test.dependents ?? []) as unknown as JsonObject[],
    params: both("params"),
    access: [...(one.access ?? []), ...(test.access ?? [])],
  };
}
