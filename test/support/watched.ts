/** A watch by hand: every frame as it comes. */
import { Agent, request } from "node:https";
import { createInterface } from "node:readline";
import { credentialsIn } from "./raw.ts";

export interface Frame {
  type: string;
  object: {
    kind?: string;
    code?: number;
    reason?: string;
    message?: string;
    type?: string;
    data?: Record<string, string>;
    metadata?: {
      name?: string;
      namespace?: string;
      uid?: string;
      resourceVersion?: string;
      labels?: Record<string, string>;
      annotations?: Record<string, string>;
    };
  };
}

export interface Watched {
  /** All frames so far; goes on growing. */
  readonly frames: readonly Frame[];
  /** Resolves with the frames up to the first that fits. Rejects when the watch ends before. */
  until(fits: (frame: Frame) => boolean): Promise<readonly Frame[]>;
  /** Resolves when the server ends it. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** Resolves when the answer has begun. Rejects with what is said where that is no watch. */
export async function watched(kubeconfig: string, path: string): Promise<Watched> {
  const { identity, port } = await credentialsIn(kubeconfig);
  const agent = new Agent({ rejectUnauthorized: false, cert: identity.cert, key: identity.key });
  const sent = request({ host: "127.0.0.1", port, path, agent, headers: { accept: "application/json" } });
  sent.end();
  const frames: Frame[] = [];
  const looks = new Set<() => void>();
  const ended = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  sent.once("error", (error) => {
    begun.reject(error);
    ended.resolve();
  });
  sent.once("response", (response) => {
    response.on("error", () => undefined);
    response.once("close", () => ended.resolve());
    const lines = createInterface({ input: response });
    // It tells what befalls its input, too.
    lines.on("error", () => undefined);
    lines.on("line", (line) => {
      if (response.statusCode !== 200) return begun.reject(new Error(line));
      frames.push(JSON.parse(line) as Frame);
      for (const look of looks) look();
    });
    if (response.statusCode === 200) begun.resolve();
  });
  await begun.promise;
  return {
    frames,
    ended: ended.promise,
    until: (fits) => {
      const found = Promise.withResolvers<readonly Frame[]>();
      const look = () => {
        const at = frames.findIndex(fits);
        if (at >= 0) found.resolve(frames.slice(0, at + 1));
      };
      looks.add(look);
      look();
      const last = frames.length;
      ended.promise.then(() =>
        found.reject(new Error(`it ended: ${JSON.stringify(frames.slice(last - 3))}`)),
      );
      return found.promise.finally(() => looks.delete(look));
    },
    stop: () => void sent.destroy(),
  };
}
