/** What a crash run leaves for its checker: what clients were told, and what audit log, ledger and etcd hold after it. */

export type Victim = "hoop" | "kube-apiserver" | "etcd";

/** When it was killed and when it served again, milliseconds since the epoch. */
export interface Kill {
  victim: Victim;
  at: number;
  back: number;
  /** The step of its own at which it was killed; left out: at any moment. */
  step?: string;
}

/**
 * What one agent wants of Roles, chosen so that a second effect shows:
 * `create` by generateName: each effect is one more Role with the label `wish`;
 * `append` to the Role of the wish's name: each effect is one more rule behind its first;
 * `delete` the Role of the wish's name: there is one effect to have.
 */
export interface Wish {
  id: string;
  kind: "create" | "append" | "delete";
  /** Its clients ask until it is carried out or denied; else they hang up sooner or later. */
  toTheEnd: boolean;
}

/** One request of an agent, and what became of it. Times in milliseconds since the epoch. */
export interface Told {
  wish: string;
  began: number;
  ended: number;
  /**
   * `passed`: 2xx. `held`, `denied`: by Hoop's answer. `gone`: there is nothing left to delete.
   * `failed`: any other answer. `cut`: no answer.
   */
  outcome: "passed" | "held" | "denied" | "gone" | "failed" | "cut";
  /** 0: no answer. */
  code: number;
  /** As the answer names it. */
  approval?: string;
  message?: string;
}

/** A ConfigMap that an agent may make without asking anybody. */
export interface Free {
  name: string;
  dryRun: boolean;
  /** What was answered; 0: nothing. */
  code: number;
}

/** One decision of a person, sent. */
export interface Decided {
  approval: string;
  user: string;
  verdict: "Approve" | "Deny";
  /** 0: no answer. */
  code: number;
}

/** Of an Approval as the API shows it. */
export interface ApprovalSeen {
  metadata: { name: string };
  spec: { target: { name?: string }; change: { object?: unknown } };
  status: { phase: string; decisions: { user: string; verdict: string }[] };
}

/** Of a Record as the API shows it. */
export interface RecordSeen {
  metadata: { name: string; uid: string };
  spec: {
    kind: string;
    /** RFC 3339. */
    time: string;
    event?: string;
    agent: { username: string };
    operation: string;
    target?: { name?: string };
    dryRun?: boolean;
    answer?: string;
    approval?: { name: string; use?: string };
  };
}

/** Of a line of kube-apiserver's audit log. */
export interface AuditEvent {
  verb: string;
  user: { username: string };
  responseStatus?: { code?: number };
  annotations?: Record<string, string>;
}

export interface RoleSeen {
  metadata: { name: string; labels?: Record<string, string> };
  rules: unknown[] | null;
}

/** When all is well again: how approvals stood, and what every request sent after that, with no decision between, was told. */
export interface Calm {
  approvals: ApprovalSeen[];
  told: Told[];
}

export interface Evidence {
  wishes: Wish[];
  kills: Kill[];
  /** Without what is in `calm`. */
  told: Told[];
  free: Free[];
  /** Names of the ConfigMaps that are there at the end. */
  configMaps: string[];
  decided: Decided[];
  /** Approvals that people were shown. */
  shown: string[];
  calm: Calm[];
  /** At the end. */
  approvals: ApprovalSeen[];
  records: RecordSeen[];
  /** Of agents' writes alone. */
  audit: AuditEvent[];
  roles: RoleSeen[];
}
