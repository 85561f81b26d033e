import { createServer } from "node:http";
import { expect } from "chai";
import type { Context } from "../../../cli/context.ts";
import { NO_CONNECTION } from "../../../cli/flags.ts";
import { proxied } from "../../../cli/proxy.ts";
import { onlineSource } from "../../../cli/verify/online.ts";
import { scripted } from "./scripted.ts";

const ROOT = "/apis/hoop.dev/v1alpha1/ledgers/hoop/log/";

/** What `work` comes to with one in kubectl's place that answers with the path it was asked for. */
async function standing<T>(code: number, work: (context: Context) => Promise<T>) {
  const calls: string[][] = [];
  const server = createServer(({ url }, response) => void response.writeHead(code).end(url));
  const { context } = scripted({});
  const kubectl = {
    ...context.kubectl,
    async *follow(args: readonly string[]) {
      calls.push([...args]);
      const socket = args.find((arg) => arg.startsWith("--unix-socket="))?.slice("--unix-socket=".length);
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      yield "Starting to serve";
      return { code: 0, stdout: "", stderr: "" };
    },
  };
  try {
    return { calls, result: await work({ ...context, kubectl }) };
  } finally {
    server.close();
  }
}

describe("reads through kubectl proxy", () => {
  it("go where the kubeconfig says, also where its address has a path, and nowhere else", async () => {
    const { calls, result } = await standing(200, async (context) => {
      const { ask, close } = await proxied(context, { ...NO_CONNECTION, context: "session" }, ROOT);
      return ask("checkpoint").finally(close);
    });
    expect({ code: result.code, body: result.body.toString() }).to.deep.equal({
      code: 200,
      body: `${ROOT}checkpoint`,
    });
    expect(calls).to.have.length(1);
    expect(calls[0]).to.include.members([
      ...["proxy", "--append-server-path", `--accept-paths=^${ROOT}`, "--context=session"],
    ]);
  });

  it("say of a ledger that is not there who may not see it", async () => {
    const { result } = await standing(404, (context) => onlineSource(context, NO_CONNECTION).catch(String));
    expect(result).to.contain("agents may not, in sessions neither");
  });

  it("end with what kubectl said, where it does not begin", async () => {
    const { context } = scripted({});
    const failing = {
      ...context.kubectl,
      // biome-ignore lint/correctness/useYield: it ends before it says a word.
      async *follow() {
        return { code: 1, stdout: "", stderr: "error: no such context" };
      },
    };
    const failure = await proxied({ ...context, kubectl: failing }, NO_CONNECTION, ROOT).catch(String);
    expect(failure).to.contain("no such context");
  });
});
