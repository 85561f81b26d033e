/** What doctor asks, with Hoop's own rights. */
import type { Answer, DoctorPort, Look, Question } from "#core/doctor/port.ts";
import { subjectAccessReview } from "./access-review.ts";
import { type Client, isNotFound, KubeError } from "./client.ts";

/** Reviews under way at once: nobody waits for doctor. */
const AT_ONCE = 4;
/** Milliseconds. A large cluster's lists of roles are long. */
const PATIENCE = 60_000;

export function doctorProbe(client: Client): DoctorPort {
  return {
    async look<T>(path: string): Promise<Look<T>> {
      try {
        return { kind: "found", value: await client.request<T>({ path, timeout: PATIENCE }) };
      } catch (error) {
        if (isNotFound(error)) return { kind: "absent" };
        if (error instanceof KubeError && error.code === 403) return { kind: "refused", why: error.message };
        throw error;
      }
    },
    async ask(questions: readonly Question[]): Promise<Answer[]> {
      const answers: Answer[] = [];
      const waiting = questions.entries();
      const worker = async () => {
        for (const [at, question] of waiting) answers[at] = await subjectAccessReview(client, question);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return answers;
    },
    progress: () => undefined,
  };
}
