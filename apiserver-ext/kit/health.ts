/** `/livez`, `/healthz` and `/readyz`, in the words of Kubernetes' own servers. */
import type { Answer } from "./encode.ts";

/** By name: whether it holds. */
export type Checks = Readonly<Record<string, () => boolean>>;

const PATHS = new Set(["/livez", "/readyz", "/healthz"]);

/** Health paths are for everybody, also without any credential. */
export function isHealthPath(path: string): boolean {
  return PATHS.has(path);
}

/** Why a check fails is not told: the path is public. `?verbose` lists them, `?exclude=NAME` leaves one out. */
export function health(path: string, query: URLSearchParams, checks: Checks): Answer {
  const excluded = new Set(query.getAll("exclude"));
  const results = Object.entries({ ping: () => true, ...checks }).map(([name, check]) =>
    excluded.has(name)
      ? { fine: true, line: `[+]${name} excluded: ok\n` }
      : check()
        ? { fine: true, line: `[+]${name} ok\n` }
        : { fine: false, line: `[-]${name} failed: reason withheld\n` },
  );
  const lines = results.map(({ line }) => line).join("");
  const what = `${path.slice(1)} check`;
  if (!results.every(({ fine }) => fine)) return text(500, `${lines}${what} failed\n`);
  return text(200, query.has("verbose") ? `${lines}${what} passed\n` : "ok");
}

function text(code: number, body: string): Answer {
  const headers = { "X-Content-Type-Options": "nosniff" };
  return { code, body, contentType: "text/plain; charset=utf-8", headers };
}
