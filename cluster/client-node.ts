/**
 * What we use of the client library: credentials and one transport. Its modules pull in a class for every kind and
 * every API there is, 600 files, 50 MiB and 0.3 s of each start; what we use needs none of them, so they stay unread.
 */
import { createRequire, registerHooks } from "node:module";

type ClientNode = typeof import("@kubernetes/client-node");
type Parts = Pick<ClientNode, "KubeConfig" | "RequestContext" | "HttpMethod" | "createConfiguration">;

/** The two names that `config.js` wants of the index of everything generated. */
const INDEX = /\/@kubernetes\/client-node\/dist\/gen\/index\.js$/;
const WANTED = `
  export { createConfiguration } from './configuration.js';
  export { ServerConfiguration } from './servers.js';
`;

function load(): Parts {
  const require = createRequire(import.meta.url);
  const hooks = registerHooks({
    load: (url, context, next) =>
      INDEX.test(url) ? { format: "module", source: WANTED, shortCircuit: true } : next(url, context),
  });
  try {
    return {
      ...(require("@kubernetes/client-node/dist/config.js") as Pick<Parts, "KubeConfig">),
      ...(require("@kubernetes/client-node/dist/gen/http/http.js") as Pick<
        Parts,
        "RequestContext" | "HttpMethod"
      >),
      ...(require("@kubernetes/client-node/dist/gen/configuration.js") as Pick<Parts, "createConfiguration">),
    };
  } finally {
    hooks.deregister();
  }
}

export const { KubeConfig, RequestContext, HttpMethod, createConfiguration } = load();
