/** Retries of single calls, with the numbers that Kubernetes' own webhook clients use. */
import { setTimeout as sleep } from "node:timers/promises";
import { KubeError } from "./client.ts";

const ATTEMPTS = 5;
const FIRST_PAUSE = 500;
const FACTOR = 1.5;

/** Server errors and lost connections are tried again; a refusal is final, and so is a timeout: it was long enough. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  if (error.code === 0) return error.reason === "Unreachable";
  return error.code >= 500 || error.code === 429;
}

/** The outcome of the call, tried up to 5 times. */
export async function withRetries<T>(call: () => Promise<T>): Promise<T> {
  let pause = FIRST_PAUSE;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === ATTEMPTS || !isTransient(error)) throw error;
      await sleep(pause);
      pause *= FACTOR;
    }
  }
}
