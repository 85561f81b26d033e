/** From a check to questions for the API server, and from its answers to the rules that open a way. */
import type { Ask, UrlAsk } from "./check.ts";
import type { Access, Opening } from "./finding.ts";
import type { Answer, DoctorPort, Question, ResourceAttributes } from "./port.ts";
import { allowing, coversKind, type Grant, type Identity, type PolicyRule } from "./rbac.ts";

/**
 * Each request of the check as narrow as each rule that names it: in that namespace, for those objects. With `widest`
 * also as wide as it can be, whatever RBAC says of it.
 */
export function questionsFor(
  who: Identity,
  grants: readonly Grant[],
  asks: readonly (Ask | UrlAsk)[],
  widest: boolean,
): Question[] {
  const { user, groups } = who;
  // One role may be bound a thousand times.
  const byRule = Map.groupBy(grants, ({ rule }) => rule);
  return asks.flatMap((ask): Question[] => {
    if ("path" in ask)
      return ask.verbs
        .map((verb) => ({ user, groups, nonResourceAttributes: { verb, path: ask.path } }))
        .filter((question) => widest || allowing(grants, question).length > 0);
    return ask.verbs.flatMap((verb) =>
      attributesOf(ask, verb, byRule, widest).map((resourceAttributes) => ({
        user,
        groups,
        resourceAttributes,
      })),
    );
  });
}

function attributesOf(
  ask: Ask,
  verb: string,
  byRule: ReadonlyMap<PolicyRule, readonly Grant[]>,
  isWide: boolean,
): ResourceAttributes[] {
  const { group, resource, subresource = "" } = ask;
  const base = { verb, group, resource, ...(subresource === "" ? {} : { subresource }) };
  const widest = isWide ? places(ask.namespaces, ask.names).map((place) => ({ ...base, ...place })) : [];
  const fitting = [...byRule].flatMap(([rule, grants]) => (coversKind(rule, base) ? grants : []));
  const narrower = fitting.flatMap((grant) => {
    const within = grant.binding.namespace;
    if (within !== "" && (ask.cluster || !(ask.namespaces?.includes(within) ?? true))) return [];
    const named = grant.rule.resourceNames ?? [];
    // What is created has no name yet when it is asked about.
    if (named.length > 0 && verb === "create" && subresource === "") return [];
    const names = named.length === 0 ? ask.names : named.filter((name) => ask.names?.includes(name) ?? true);
    const namespaces = within === "" ? ask.namespaces : [within];
    return places(namespaces, names).map((place) => ({ ...base, ...place }));
  });
  const unique = new Map([...widest, ...narrower].map((one) => [`${one.namespace}/${one.name}`, one]));
  return [...unique.values()];
}

/** Every combination; a list that is left out stands for "any". */
function places(
  namespaces: readonly string[] | undefined,
  names: readonly string[] | undefined,
): { namespace?: string; name?: string }[] {
  return (namespaces ?? [undefined]).flatMap((namespace) =>
    (names ?? [undefined]).map((name) => ({
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    })),
  );
}

/** So many at once that a step of progress shows, so few that one call stays short. */
const BATCH = 200;

export interface Answers {
  of(question: Question): Answer | undefined;
  count: number;
}

/** Each question once. */
export async function answersTo(port: DoctorPort, questions: readonly Question[]): Promise<Answers> {
  const unique = [...new Map(questions.map((one) => [keyOf(one), one])).entries()];
  const answers = new Map<string, Answer>();
  for (let from = 0; from < unique.length; from += BATCH) {
    port.progress(`asking the API server who may do what: ${from} of ${unique.length}`);
    const batch = unique.slice(from, from + BATCH);
    const got = await port.ask(batch.map(([, question]) => question));
    for (const [at, [key]] of batch.entries()) {
      const answer = got[at];
      if (answer !== undefined) answers.set(key, answer);
    }
  }
  return { of: (question) => answers.get(keyOf(question)), count: unique.length };
}

function keyOf(question: Question): string {
  return JSON.stringify(question);
}

/** What is open of these, by the rule that opens it. */
export function openingsOf(
  grants: readonly Grant[],
  questions: readonly Question[],
  answers: Answers,
): Opening[] {
  const allowingIt = inPlace(grants);
  const found = new Map<string, { grant: Grant | undefined; reason: string; questions: Question[] }>();
  for (const question of questions) {
    const answer = answers.of(question);
    if (answer?.allowed !== true) continue;
    const by = allowingIt(question);
    for (const grant of by.length === 0 ? [undefined] : by) {
      const key = grant === undefined ? "" : JSON.stringify([grant.binding, grant.role, grant.ruleIndex]);
      const one = found.get(key) ?? { grant, reason: answer.reason, questions: [] };
      one.questions.push(question);
      found.set(key, one);
    }
  }
  return [...found.values()].map(({ grant, reason, questions: open }) => {
    const attributes = open.flatMap(({ resourceAttributes }) => resourceAttributes ?? []);
    return {
      grant,
      reason,
      access: accessOf(open),
      namespaces: grant?.binding.namespace
        ? [grant.binding.namespace]
        : allOf(attributes.map(({ namespace }) => namespace)),
      names: allOf(attributes.map(({ name }) => name)),
    };
  });
}

/** As `allowing`, without a look at what is bound in other namespaces. */
function inPlace(grants: readonly Grant[]): (question: Question) => Grant[] {
  const within = Map.groupBy(grants, ({ binding }) => binding.namespace);
  const everywhere = within.get("") ?? [];
  return (question) => {
    const namespace = question.resourceAttributes?.namespace ?? "";
    const there = namespace === "" ? [] : (within.get(namespace) ?? []);
    return allowing([...everywhere, ...there], question);
  };
}

function accessOf(questions: readonly Question[]): Access[] {
  const verbs = Map.groupBy(questions, resourceWords);
  return [...verbs].map(([resource, of]) => ({ resource, verbs: distinct(of.map(verbOf)) }));
}

function verbOf({ resourceAttributes: at, nonResourceAttributes: url }: Question): string {
  return at?.verb ?? url?.verb ?? "";
}

function resourceWords({ resourceAttributes: at, nonResourceAttributes: url }: Question): string {
  if (at === undefined) return url?.path ?? "";
  const full = at.subresource === undefined ? at.resource : `${at.resource}/${at.subresource}`;
  return at.group === "" ? full : `${full}.${at.group}`;
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)];
}

/** Undefined where one of them is not restricted. */
function allOf(words: readonly (string | undefined)[]): string[] | undefined {
  const given = words.filter((word) => word !== undefined);
  return given.length < words.length || words.length === 0 ? undefined : distinct(given);
}
