/** What doctor needs from a cluster: to read objects, and to ask the API server who may do what. */

/** What lies at a path of the API. Where it may not be looked at, `why` says so in the API server's words. */
export type Look<T> = { kind: "found"; value: T } | { kind: "absent" } | { kind: "refused"; why: string };

/** A SubjectAccessReviewSpec: one of the two kinds of attributes. */
export interface Question {
  /** "" for "any member of these groups". */
  user: string;
  groups: readonly string[];
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { verb: string; path: string };
}

export interface ResourceAttributes {
  verb: string;
  /** "" is the core group. */
  group: string;
  resource: string;
  subresource?: string;
  /** Left out: in all namespaces, or cluster-scoped. */
  namespace?: string;
  /** Left out: any. */
  name?: string;
}

/** Neither allowed nor denied: no authorizer had an opinion. */
export interface Answer {
  allowed: boolean;
  denied: boolean;
  reason: string;
}

export interface DoctorPort {
  /** A path with its query. Rejects where the API server cannot be reached or fails. */
  look<T>(path: string): Promise<Look<T>>;
  /** In the order asked. Rejects where these may not be asked, or not be answered. */
  ask(questions: readonly Question[]): Promise<Answer[]>;
  /** Told what goes on while it takes long. */
  progress(text: string): void;
}
