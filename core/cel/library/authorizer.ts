/** `authorizer.group('').resource('pods').namespace('a').check('create').allowed()`: questions to the API server. */
import type { Library } from "../types/environment.ts";
import { Failure, NO_OVERLOAD, Opaque, type Value } from "../values/value.ts";
import { isLabel, isSubdomain } from "./formats.ts";

const AUTHORIZER = "kubernetes.authorization.Authorizer";
const PATH = "kubernetes.authorization.PathCheck";
const GROUP = "kubernetes.authorization.GroupCheck";
const RESOURCE = "kubernetes.authorization.ResourceCheck";
const DECISION = "kubernetes.authorization.Decision";

/** One question, as a SubjectAccessReview puts it. Of whom: the requester, or a ServiceAccount. */
export interface AccessCheck {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** What the API server said; `error` where it could not tell. */
export interface AccessDecision {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** The question that an evaluation cannot go on without. Thrown. */
export class Unanswered extends Error {
  readonly check: AccessCheck;

  constructor(check: AccessCheck) {
    super("an access check is not answered yet");
    this.check = check;
  }
}

/** Undefined where there is none yet, a Failure where there will be none. */
type Answers = (check: AccessCheck) => AccessDecision | undefined | Failure;
type Question = Omit<AccessCheck, "verb">;

/** An authorizer, or a question that is not put yet. */
class Check extends Opaque {
  readonly type: string;
  readonly question: Question;
  readonly answers: Answers;

  constructor(type: string, question: Question, answers: Answers) {
    super();
    this.type = type;
    this.question = question;
    this.answers = answers;
  }

  override equals(): Failure {
    return NO_OVERLOAD;
  }
}

class Decision extends Opaque {
  readonly type = DECISION;
  readonly decision: AccessDecision;

  constructor(decision: AccessDecision) {
    super();
    this.decision = decision;
  }

  override equals(): Failure {
    return NO_OVERLOAD;
  }
}

const EMPTY_PATH = new Failure("path must not be empty");
const EMPTY_RESOURCE = new Failure("resource must not be empty");
const NO_ACCOUNT = new Failure("invalid service account");

const withMore = (check: Check, type: string, more: Question): Check =>
  new Check(type, { ...check.question, ...more }, check.answers);

const narrowed =
  (part: keyof Question) =>
  (check: Check, text: string): Check =>
    withMore(check, RESOURCE, { [part]: text });

function put(check: Check, verb: string): Value {
  const question: AccessCheck = { ...check.question, verb };
  const decision = check.answers(question);
  if (decision === undefined) throw new Unanswered(question);
  return decision instanceof Failure ? decision : new Decision(decision);
}

const asServiceAccount = (check: Check, namespace: string, name: string): Value =>
  isSubdomain(name) && isLabel(namespace)
    ? withMore(check, AUTHORIZER, { serviceAccount: { namespace, name } })
    : NO_ACCOUNT;

export const AUTHORIZATION: Library = {
  [`${AUTHORIZER}.path(string): ${PATH}`]: (check: Check, path: string): Value =>
    path.trim() === "" ? EMPTY_PATH : withMore(check, PATH, { path }),
  [`${AUTHORIZER}.group(string): ${GROUP}`]: (check: Check, group: string) =>
    withMore(check, GROUP, { group }),
  [`${AUTHORIZER}.serviceAccount(string, string): ${AUTHORIZER}`]: asServiceAccount,
  [`${GROUP}.resource(string): ${RESOURCE}`]: (check: Check, resource: string): Value =>
    resource.trim() === "" ? EMPTY_RESOURCE : withMore(check, RESOURCE, { resource }),
  [`${RESOURCE}.subresource(string): ${RESOURCE}`]: narrowed("subresource"),
  [`${RESOURCE}.namespace(string): ${RESOURCE}`]: narrowed("namespace"),
  [`${RESOURCE}.name(string): ${RESOURCE}`]: narrowed("name"),
  [`${RESOURCE}.fieldSelector(string): ${RESOURCE}`]: narrowed("fieldSelector"),
  [`${RESOURCE}.labelSelector(string): ${RESOURCE}`]: narrowed("labelSelector"),
  [`${PATH}.check(string): ${DECISION}`]: put,
  [`${RESOURCE}.check(string): ${DECISION}`]: put,
  [`${DECISION}.errored(): bool`]: ({ decision }: Decision) => decision.error !== undefined,
  [`${DECISION}.error(): string`]: ({ decision }: Decision) => decision.error ?? "",
  [`${DECISION}.allowed(): bool`]: ({ decision }: Decision) => decision.allowed,
  [`${DECISION}.reason(): string`]: ({ decision }: Decision) => decision.reason,
};

/** The types of the variables `authorizer` and `authorizer.requestResource`. */
export const AUTHORIZER_VARIABLES: ReadonlyMap<string, string> = new Map([
  ["authorizer", AUTHORIZER],
  ["authorizer.requestResource", RESOURCE],
]);

/** Their values; `requested` is what the request is about. */
export function authorizerValue(name: string, requested: Question, answers: Answers): Value | undefined {
  if (name === "authorizer") return new Check(AUTHORIZER, {}, answers);
  return name === "authorizer.requestResource" ? new Check(RESOURCE, requested, answers) : undefined;
}
