/** The policies and tests of some files, ready to judge by. */
import { relative, resolve } from "node:path";
import { member, text } from "#core/admission.ts";
import { agentMatcher } from "#core/agents.ts";
import { shapeMismatches } from "#core/policy/agent-policy-shape.ts";
import { type Catalogue, readCatalogue } from "#core/policy/catalogue.ts";
import { documentsIn, pathOf, type SourceDocument, type SourceProblem } from "#core/policy/documents.ts";
import type { Explainable } from "#core/policy/explain.ts";
import { type Fixture, fixturesOf, TEST_KIND } from "#core/policy/fixtures.ts";
import { policyIn, policyProblems, policyWarnings } from "#core/policy/policy-document.ts";
import { type PolicySet, policySet } from "#core/policy/set.ts";
import { type AgentProfileSpec, profileProblems } from "#core/session/read-profile.ts";
import { CATALOGUE_FOLDER, catalogueFiles } from "./catalogue.ts";
import { type Definitions, shippedDefinitions } from "./definitions.ts";
import { documentsBelow } from "./files.ts";

export interface Loaded {
  set: PolicySet;
  /** The catalogue's among them. */
  policies: Explainable[];
  fixtures: Fixture[];
  /** All rules that stand in the files, as verdicts name them. */
  rules: string[];
  /** How many policies stand in the files. */
  found: number;
  /** How many AgentProfiles do. */
  profiles: number;
  /** What else stands in the files: what may be around a request. */
  others: SourceDocument[];
  problems: SourceProblem[];
  /** What is legal and odd, as the cluster would warn; of policies in which nothing is wrong. */
  warnings: SourceProblem[];
}

const GROUP = "policy.hoop.dev/";
const POLICY_KIND = "AgentPolicy";
const PROFILE_KIND = "AgentProfile";

/** Who is one where nobody has said more. */
const AGENTS = agentMatcher(
  { groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} },
  "system:serviceaccount:hoop-system:hoop",
);

export async function load(paths: readonly string[], withCatalogue: boolean): Promise<Loaded> {
  const { documents, problems } = await documentsBelow(paths);
  const { catalogue, bundles } = await shippedCatalogue(withCatalogue);
  const policies = documents.filter(
    ({ kind, apiVersion }) => kind === POLICY_KIND && apiVersion.startsWith(GROUP),
  );
  const isShipped = ({ source }: SourceDocument) => withCatalogue && isInCatalogue(source);
  // The catalogue's own files are judged by as what they are.
  const own = policies.filter((document) => !isShipped(document));
  const definitions = await shippedDefinitions();
  const read = own.map((document) => ({
    ...policyIn(document, catalogue),
    problems: policyProblems(document, catalogue, definitions.AgentPolicy),
    document,
  }));
  const named = read.flatMap((one) => (one.read === undefined ? [] : [one.read]));
  const looked = policies
    .filter(isShipped)
    .flatMap((document) => policyIn(document, catalogue, true).read ?? []);
  const profiles = documents.filter(isProfile);
  const tests = documents.filter(({ kind }) => kind === TEST_KIND).map(fixturesOf);
  return {
    set: policySet(
      catalogue,
      named.map(({ compiled }) => compiled),
    ),
    policies: [...bundles, ...named],
    fixtures: tests.flatMap(({ fixtures }) => fixtures),
    rules: [...looked, ...named].flatMap(({ compiled }) => compiled.rules.map(({ name }) => name)),
    found: policies.length,
    profiles: profiles.length,
    others: documents.filter(({ apiVersion }) => !apiVersion.startsWith(GROUP)),
    problems: [
      ...problems,
      ...documents.flatMap(misplaced),
      ...twice(own),
      ...read.flatMap((one) => one.problems),
      ...profiles.flatMap((document) => problemsOfProfile(document, definitions)),
      ...tests.flatMap((one) => one.problems),
    ],
    warnings: read.flatMap((one) => (one.problems.length > 0 ? [] : policyWarnings(one.document, AGENTS))),
  };
}

export async function shippedCatalogue(
  wanted: boolean,
): Promise<{ catalogue: Catalogue; bundles: Explainable[] }> {
  const files = wanted ? await catalogueFiles() : [];
  const catalogue = readCatalogue(files);
  const documents = files.flatMap((file) => documentsIn(file.text, file.name).documents);
  return {
    catalogue,
    bundles: documents.flatMap((document) => policyIn(document, catalogue, true).read ?? []),
  };
}

function isInCatalogue(source: string): boolean {
  return !relative(CATALOGUE_FOLDER, resolve(source)).startsWith("..");
}

/** What lies where tests lie, and is none: a kind misspelt would otherwise be a test that never runs. */
function misplaced(document: SourceDocument): SourceProblem[] {
  const { source, kind, apiVersion } = document;
  const isMeant = /(^|[\\/])tests[\\/]/.test(source) || apiVersion.startsWith(GROUP);
  const isKnown = [TEST_KIND, POLICY_KIND, PROFILE_KIND].includes(kind) && apiVersion.startsWith(GROUP);
  if (!isMeant || isKnown) return [];
  const there = `${kind || "no kind"} of ${apiVersion || "no apiVersion"}`;
  return [
    document.problem(["kind"], `neither ${POLICY_KIND} nor ${TEST_KIND} of ${GROUP}v1alpha1: ${there}`),
  ];
}

const isProfile = ({ kind, apiVersion }: SourceDocument): boolean =>
  kind === PROFILE_KIND && apiVersion.startsWith(GROUP);

function problemsOfProfile(document: SourceDocument, { AgentProfile }: Definitions): SourceProblem[] {
  const misshapen = shapeMismatches(AgentProfile, document.value);
  if (misshapen.length > 0) return misshapen.map(({ path, message }) => document.problem(path, message));
  // Of the shape that it takes.
  const spec = member(document.value, "spec") as AgentProfileSpec;
  return profileProblems(spec).map(({ path, message, line, column }) =>
    document.problem(
      pathOf(path),
      message,
      line === undefined || column === undefined ? undefined : { line, column },
    ),
  );
}

function twice(documents: readonly SourceDocument[]): SourceProblem[] {
  const seen = new Set<string>();
  return documents.flatMap((document) => {
    const name = text(member(document.value, "metadata"), "name");
    const isAgain = name !== "" && seen.has(name);
    seen.add(name);
    return isAgain ? [document.problem(["metadata", "name"], `there is another policy ${name}`)] : [];
  });
}
