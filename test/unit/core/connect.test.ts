/** What people are told that a CONNECT is for. */
import { expect } from "chai";
import { connectWords } from "#core/connect.ts";
import { request } from "./requests.ts";

describe("core/connect: connectWords", () => {
  const words = (subresource: string, object: object, forwarded?: readonly number[], resource = "pods") =>
    connectWords(
      request({
        ...{ operation: "CONNECT", resource: { group: "", version: "v1", resource } },
        ...{ subresource, name: "web", object: { kind: "Options", apiVersion: "v1", ...object } },
      } as never),
      forwarded,
    );

  const SAID: readonly [string, string, string][] = [
    [
      "a command",
      words("exec", {
        container: "main",
        stdout: true,
        stderr: true,
        command: ["sh", "-c", "echo hi; id -un"],
      }),
      "run in container main of pod web:\n  sh -c 'echo hi; id -un'",
    ],
    [
      "a command of many lines, with all that is typed into it",
      words("exec", { stdin: true, tty: true, command: ["sh", "-c", "echo one\necho it's two"] }),
      "run in the default container of pod web, with standard input and a terminal:\n  sh -c 'echo one\n  echo it'\\''s two'",
    ],
    [
      "a command with a secret",
      words("exec", { command: ["psql", "postgres://ann:hunter2@db/x"] }),
      "run in the default container of pod web:\n  psql 'postgres://ann:[masked: password]@db/x'",
    ],
    [
      "an attachment",
      words("attach", { container: "main", stdin: true }),
      "attach to container main of pod web, with standard input",
    ],
    [
      "ports that nobody limits",
      words("portforward", {}),
      "forward ports of pod web: any that it listens on, for only the connection itself says which",
    ],
    [
      "the ports of a profile",
      words("portforward", {}, [80, 5432]),
      "forward ports of pod web: 80, 5432 alone, as the profile of the session says",
    ],
    [
      "ports that are named, and bind nobody",
      words("portforward", { ports: [80] }),
      "forward ports of pod web: any that it listens on, for only the connection itself says which\n  ports: [80]",
    ],
    [
      "a proxy",
      words("proxy", { path: "/admin" }, undefined, "services"),
      "send a request to services/web, at /admin",
    ],
    [
      "what nobody knows yet",
      words("console", { speed: 9600 }),
      "connect to console of pod web\n  speed: 9600",
    ],
    [
      "names that would be lines of their own",
      words("exec", { container: "main\nforward nothing", command: ["id", "a\u202eb"] }),
      "run in container main\\u{a}forward nothing of pod web:\n  id 'a\\u{202e}b'",
    ],
  ];
  for (const [what, said, expected] of SAID) it(`tells ${what}`, () => expect(said).to.equal(expected));
});
