import { request } from "node:https";

/** How a probe authenticates the server and itself; all PEM. */
export interface ProbeTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Whether GET `url` answers 200 within five seconds. */
export const answersOk = (url: string, tls: ProbeTls): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = request(url, { ...tls, agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      response.once("close", () => resolve(response.statusCode === 200));
    });
    probe.once("timeout", () => probe.destroy());
    probe.once("error", () => resolve(false));
    probe.end();
  });
