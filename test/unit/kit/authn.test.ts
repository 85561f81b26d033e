import { once } from "node:events";
import { connect } from "node:http2";
import { request as https } from "node:https";
import { json } from "node:stream/consumers";
import { expect } from "chai";
import { type AuthenticationConfig, parseAuthenticationConfig } from "#kit/authentication-config.ts";
import { delegatedAuthentication } from "#kit/authn.ts";
import { type Listening, listen } from "#kit/listen.ts";
import type { Caller } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { authority, type Pair } from "./certificates.ts";

const proxyCA = authority("front-proxy-ca");
const clientCA = authority("cluster-ca");
const otherCA = authority("front-proxy-ca");
const notACA = authority("front-proxy-ca", { ca: false });
const frontProxy = proxyCA.issue({ commonName: "front-proxy-client" });

const DATA = {
  "client-ca-file": clientCA.cert,
  "requestheader-client-ca-file": proxyCA.cert,
  "requestheader-allowed-names": '["front-proxy-client"]',
  "requestheader-username-headers": '["X-Remote-User"]',
  "requestheader-uid-headers": '["X-Remote-Uid"]',
  "requestheader-group-headers": '["X-Remote-Group"]',
  "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
};

type Lines = [name: string, value: string][];
const USER: Lines = [["x-remote-user", "ann"]];

interface Answer {
  outcome: string;
  frontProxied?: boolean;
  caller?: Omit<Caller, "extra"> & { extra: Record<string, string[]> };
  reason?: string;
}

describe("delegated authentication", () => {
  let server: Listening;
  let config: AuthenticationConfig | undefined;
  let tokens: string[];

  before(async () => {
    const authenticate = delegatedAuthentication({
      config: () => config,
      tokenReview: async (token) => {
        tokens.push(token);
        if (token === "unreachable") throw new Error("no API server");
        const user = { username: "robot", uid: "7", groups: ["robots"], extra: new Map() };
        return token === "good" ? { authenticated: true, user } : { authenticated: false };
      },
    });
    const { key, cert } = clientCA.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] });
    server = await listen({
      ...{ key, cert, host: "127.0.0.1", port: 0 },
      handler: async (request, response) => {
        const answer = await authenticate(request).catch((error: unknown) => ({
          outcome: "failed",
          reason: error instanceof StatusError ? error.reason : "unknown",
        }));
        response.end(
          JSON.stringify(answer, (_, value) => (value instanceof Map ? Object.fromEntries(value) : value)),
        );
      },
    });
  });
  beforeEach(() => {
    config = parseAuthenticationConfig(DATA);
    tokens = [];
  });
  after(() => server.close(async () => {}, 0));

  /** Each line of a header is sent as a line of its own. */
  async function over2(pair: Pair | undefined, lines: Lines = []): Promise<Answer> {
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: clientCA.cert, ...pair });
    try {
      const headers = Object.entries(Object.groupBy(lines, ([name]) => name)).map(
        ([name, found]) => [name, found?.map(([, value]) => value) ?? []] as const,
      );
      const stream = session.request(Object.fromEntries(headers)).end();
      return (await json(stream)) as Answer;
    } finally {
      session.close();
    }
  }

  async function over1(pair: Pair | undefined, lines: Lines = []): Promise<Answer> {
    const target = { host: "127.0.0.1", port: server.port, ca: clientCA.cert, agent: false, ...pair };
    const request = https({ ...target, headers: ["host", "127.0.0.1", ...lines.flat()] }).end();
    const [response] = await once(request, "response");
    return (await json(response)) as Answer;
  }

  for (const [protocol, ask] of [
    ["HTTP/2", over2],
    ["HTTP/1.1", over1],
  ] as const) {
    it(`takes the front proxy's word over ${protocol}, line by line`, async () => {
      const answer = await ask(frontProxy, [
        ["x-remote-user", "ann"],
        ["x-remote-user", "bob"],
        ["x-remote-uid", "42"],
        ["x-remote-group", "CN=a, OU=b"],
        ["x-remote-group", "devs"],
        ["x-remote-extra-scopes.example.com%2fread", "1"],
        ["x-remote-extra-scopes.example.com%2fread", "2"],
        ["x-remote-extra-%zz", "raw"],
      ]);
      expect(answer).to.deep.equal({
        outcome: "authenticated",
        frontProxied: true,
        caller: {
          username: "ann",
          uid: "42",
          groups: ["CN=a, OU=b", "devs", "system:authenticated"],
          extra: { "scopes.example.com/read": ["1", "2"], "%zz": ["raw"] },
        },
      });
    });

    it(`lets users of 600 groups in over ${protocol}`, async () => {
      const groups: Lines = Array.from({ length: 600 }, (_, at) => [
        "x-remote-group",
        `group-${at}-${"x".repeat(40)}`,
      ]);
      const answer = await ask(frontProxy, [...USER, ...groups]);
      expect(answer.caller?.groups).to.have.length(601);
    });
  }

  const disbelieved: Record<string, Pair> = {
    "of the right CA with another name (GHSA-38jw-g2qx-4286)": proxyCA.issue({ commonName: "somebody" }),
    "of the right CA with two names": proxyCA.issue({ commonName: ["somebody", "front-proxy-client"] }),
    "of another CA of the same name": otherCA.issue({ commonName: "front-proxy-client" }),
    "that has expired": proxyCA.issue({ commonName: "front-proxy-client", valid: "past" }),
    "that is not valid yet": proxyCA.issue({ commonName: "front-proxy-client", valid: "future" }),
    "for servers": proxyCA.issue({ commonName: "front-proxy-client", usage: "server" }),
  };
  for (const [name, pair] of Object.entries(disbelieved)) {
    it(`does not believe a certificate ${name}`, async () => {
      expect(await over2(pair, USER)).to.deep.equal({ outcome: "refused" });
    });
  }

  it("does not believe headers that come with a user's certificate", async () => {
    const answer = await over2(clientCA.issue({ commonName: "front-proxy-client" }), USER);
    expect(answer.caller?.username).to.equal("front-proxy-client");
    expect(answer.frontProxied).to.equal(false);
  });

  it("does not believe headers that come without a certificate", async () => {
    expect(await over2(undefined, USER)).to.deep.equal({ outcome: "anonymous" });
  });

  it("does not believe what something that is no CA has signed", async () => {
    config = parseAuthenticationConfig({ ...DATA, "requestheader-client-ca-file": notACA.cert });
    expect(await over2(notACA.issue({ commonName: "front-proxy-client" }), USER)).to.deep.equal({
      outcome: "refused",
    });
  });

  it("takes any name of the CA where the cluster lists none", async () => {
    config = parseAuthenticationConfig({ ...DATA, "requestheader-allowed-names": "[]" });
    const answer = await over2(proxyCA.issue({ commonName: "somebody", usage: "none" }), USER);
    expect(answer.caller?.username).to.equal("ann");
  });

  it("refuses everybody's certificate while the cluster's word is not known", async () => {
    config = undefined;
    expect(await over2(frontProxy, USER)).to.deep.equal({ outcome: "refused" });
    expect(await over2(clientCA.issue({ commonName: "ann" }))).to.deep.equal({ outcome: "refused" });
  });

  it("leaves the uid header alone where the cluster does not name it", async () => {
    const { "requestheader-uid-headers": _, ...data } = DATA;
    config = parseAuthenticationConfig(data);
    const answer = await over2(frontProxy, [...USER, ["x-remote-uid", "0"]]);
    expect(answer.caller?.uid).to.equal("");
  });

  it("names the holder of a client certificate by its subject", async () => {
    const organizations = ["devs", "a, b"];
    const answer = await over2(clientCA.issue({ commonName: "ann", organizations }));
    expect(answer).to.deep.equal({
      outcome: "authenticated",
      frontProxied: false,
      caller: { username: "ann", uid: "", groups: [...organizations, "system:authenticated"], extra: {} },
    });
  });

  it("has tokens reviewed, once for a while", async () => {
    const bearer: Lines = [["authorization", "Bearer good"]];
    for (const _ of [1, 2]) {
      const answer = await over2(undefined, bearer);
      expect(answer.caller).to.include({ username: "robot", uid: "7" });
      expect(answer.caller?.groups).to.deep.equal(["robots", "system:authenticated"]);
    }
    expect(tokens).to.deep.equal(["good"]);
  });

  const refused: Record<string, Lines> = {
    "a token that is not accepted": [["authorization", "Bearer bad"]],
    "another scheme": [["authorization", "Basic YTpi"]],
  };
  for (const [name, lines] of Object.entries(refused)) {
    it(`refuses ${name}`, async () => {
      expect(await over2(undefined, lines)).to.deep.equal({ outcome: "refused" });
    });
  }

  it("fails where a token could not be reviewed", async () => {
    const answer = await over2(undefined, [["authorization", "Bearer unreachable"]]);
    expect(answer).to.deep.equal({ outcome: "failed", reason: "unknown" });
  });

  it("knows nobody without a credential", async () => {
    expect(await over2(undefined)).to.deep.equal({ outcome: "anonymous" });
  });

  const encoded = (token: string) =>
    `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString("base64url")}`;
  const webSocket = (...protocols: string[]): Lines => [
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ...protocols.map((each): [string, string] => ["sec-websocket-protocol", each]),
  ];
  const byProtocol: [what: string, lines: Lines, outcome: string][] = [
    ["is a token", webSocket(`${encoded("good")}, v5.channel.k8s.io`), "authenticated"],
    ["is a token on a line of its own", webSocket("v5.channel.k8s.io", encoded("good")), "authenticated"],
    ["is a token nobody vouches for", webSocket(encoded("bad"), "v5.channel.k8s.io"), "refused"],
    ["is there twice", webSocket(encoded("good"), encoded("good"), "v5.channel.k8s.io"), "refused"],
    ["leaves nothing to answer with", webSocket(encoded("good")), "refused"],
    ["is not encoded", webSocket("base64url.bearer.authorization.k8s.io.a=", "v5.channel.k8s.io"), "refused"],
    ["is of no WebSocket", [["sec-websocket-protocol", `${encoded("good")},x`]], "anonymous"],
    ["is none", webSocket("v5.channel.k8s.io"), "anonymous"],
  ];
  for (const [what, lines, outcome] of byProtocol) {
    it(`answers ${outcome} where the subprotocol of a WebSocket ${what}`, async () => {
      expect((await over1(undefined, lines)).outcome).to.equal(outcome);
    });
  }
});

describe("the cluster's authentication ConfigMap", () => {
  const unreadable: Record<string, Record<string, string>> = {
    "names that are missing": without("requestheader-allowed-names"),
    "names that are no list": { ...DATA, "requestheader-allowed-names": '"x"' },
    "names that do not parse": { ...DATA, "requestheader-allowed-names": "[" },
    "an empty name": { ...DATA, "requestheader-allowed-names": '[""]' },
    "headers that are missing": without("requestheader-username-headers"),
    "a CA that is none": { ...DATA, "requestheader-client-ca-file": "nonsense" },
    "an empty client CA": { ...DATA, "client-ca-file": "" },
  };
  for (const [name, data] of Object.entries(unreadable)) {
    it(`cannot be read with ${name}`, () => {
      expect(() => parseAuthenticationConfig(data)).to.throw();
    });
  }

  it("may leave out a CA: then nobody is believed by it", () => {
    expect(parseAuthenticationConfig({})).to.deep.equal({ clientCAs: [], frontProxy: undefined });
  });

  it("may hold several CAs", () => {
    const data = { ...DATA, "client-ca-file": `# old\n${clientCA.cert}\n# new\n${otherCA.cert}` };
    expect(parseAuthenticationConfig(data).clientCAs).to.have.length(2);
  });
});

function without(key: keyof typeof DATA): Record<string, string> {
  return Object.fromEntries(Object.entries(DATA).filter(([found]) => found !== key));
}
