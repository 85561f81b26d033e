/** What doctor asks, with the caller's rights, through kubectl. */
import type { Answer, DoctorPort, Look, Question } from "#core/doctor/port.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError, CommandError } from "../failure.ts";
import { readJson } from "../json.ts";

/** Each is a process. */
const AT_ONCE = 4;
const STATUS = '--output=jsonpath={.status}{"\\n"}';

export function doctorPort(cluster: Cluster, progress: (text: string) => void): DoctorPort {
  const turn = turns(AT_ONCE);
  return {
    progress,
    look: <T>(path: string) =>
      turn(async (): Promise<Look<T>> => {
        try {
          const value = await cluster.get<T>(path);
          return value === undefined ? { kind: "absent" } : { kind: "found", value };
        } catch (error) {
          if (error instanceof ApiError && error.reason === "Forbidden")
            return { kind: "refused", why: error.message };
          throw error;
        }
      }),
    ask: async (questions) => {
      const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: questions.map(reviewOf) });
      const told = await cluster.kubectl(["create", "--validate=false", "--filename=-", STATUS], { input });
      const lines = told.split("\n").filter((line) => line !== "");
      if (lines.length !== questions.length)
        throw new CommandError(`${questions.length} access reviews were asked, and ${lines.length} answered`);
      return lines.map(answerIn);
    },
  };
}

function reviewOf(spec: Question): object {
  return { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
}

function answerIn(line: string): Answer {
  const { allowed = false, denied = false, reason = "" } = readJson(line) as Partial<Answer>;
  return { allowed: allowed && !denied, denied, reason };
}

/** Lets so many at once go on; the others wait for theirs. */
function turns(free: number): <T>(work: () => Promise<T>) => Promise<T> {
  let left = free;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (left === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else left--;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) left++;
      else next();
    }
  };
}
