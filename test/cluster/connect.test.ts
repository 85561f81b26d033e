/** What takes a request over, reached through the aggregator of a real API server: streams, upgrades, refusals. */
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect as tls } from "node:tls";
import { expect } from "chai";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { connect } from "#cluster/client.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { parseAuthenticationConfig } from "#kit/authentication-config.ts";
import { delegatedAuthentication } from "#kit/authn.ts";
import { delegatedAuthorization } from "#kit/authz.ts";
import type { RequestEvent } from "#kit/events.ts";
import { type ApiHandler, createApi } from "#kit/server.ts";
import { register } from "../support/kit-api.ts";
import { asUserOf, credentialsIn } from "../support/raw.ts";
import { MACHINES, machines, upgradeOf } from "../unit/kit/machines.ts";
import { VERSION } from "../unit/kit/toy.ts";

describe("connect subresources behind a real API server", function () {
  this.timeout(120_000);
  const events: RequestEvent[] = [];
  let plane: ControlPlane;
  let api: ApiHandler;
  let stop: () => Promise<void>;

  before(async function () {
    this.timeout(1_200_000);
    plane = await startControlPlane();
    const client = connect(plane.adminKubeconfig);
    const { data } = await client.request<{ data: Record<string, string> }>({
      path: "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
    });
    const config = parseAuthenticationConfig(data);
    api = createApi({
      ...{ title: "Machines", version: VERSION, resources: [machines] },
      authenticate: delegatedAuthentication({
        config: () => config,
        tokenReview: async () => ({ authenticated: false }),
      }),
      // Nobody but the system's masters: what the API server allows is not asked here.
      authorize: delegatedAuthorization(async () => ({ allowed: false, reason: "" })),
      namespaces: async () => "active",
      log: { error: () => {} },
      onRequest: (event) => events.push(event),
    });
    const ca = createAuthority("machines");
    const { key, certificate } = issueServing(ca, { dns: ["api.kit.svc"], ips: [] }, 1);
    const server = createSecureServer(
      { key, cert: certificate, allowHTTP1: true, requestCert: true, rejectUnauthorized: false },
      (request, response) => void api(request, response),
    );
    server.on("upgrade", (request, socket, head) => void api.upgrade(request, socket, head));
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stop = async () => {
      await api.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await client.close();
    };
    const { port } = server.address() as AddressInfo;
    await register(plane, { group: "machines.example.com", version: "v1", port, ca: ca.certificate });
  });
  after(async () => {
    await stop?.();
    await plane?.stop();
  });
  beforeEach(() => events.splice(0));

  /** A connection to the API server, as its administrator, on which this text was sent. */
  async function raw(sent: string) {
    const { identity, port } = await credentialsIn(plane.adminKubeconfig);
    const socket = tls({
      host: "127.0.0.1",
      port,
      ...identity,
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    await once(socket, "secureConnect");
    socket.write(sent);
    return socket;
  }

  it("get the request with its path and headers, and its caller, but nothing that would identify anybody", async () => {
    const call = await asUserOf(plane.adminKubeconfig);
    const { code, text: said } = await call({
      path: `${MACHINES}/one/wire/api/v1/pods/`,
      headers: { "x-kept": "1" },
    });
    const { path, verb, user, headers } = JSON.parse(said);
    expect([code, path, verb]).to.deep.equal([200, "/api/v1/pods/", "get"]);
    expect(user).to.be.a("string").and.not.equal("");
    const names = headers.map(([name]: [string]) => name);
    expect(names).to.include.members(["x-kept", "audit-id", "x-forwarded-for"]);
    expect(names.filter((name: string) => /^x-remote-|^authorization$/.test(name))).to.deep.equal([]);
    expect(events[0]?.auditId).to.match(/^[0-9a-f-]{36}$/);
  });

  it("carry an upgraded connection both ways, until this server ends it", async () => {
    const socket = await raw(upgradeOf(`${MACHINES}/one/wire`));
    const [head] = await once(socket, "data");
    expect(String(head)).to.match(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    socket.write("through two servers");
    const [echo] = await once(socket, "data");
    expect(String(echo)).to.equal("through two servers");
    const closed = once(socket, "close");
    socket.end();
    await closed;
  });

  it("refuse an upgrade in words that reach the client, and leave it no connection to us", async () => {
    const socket = await raw(upgradeOf(`${MACHINES}/refuses/wire`));
    const answer = await text(socket);
    expect(answer)
      .to.match(/^HTTP\/1\.1 403 Forbidden\r\n/)
      .and.contain('"message":"not by wire"');
    expect(answer.match(/HTTP\/1\.1/g)).to.have.length(1);
  });

  it("are ended cleanly with the server", async () => {
    const socket = await raw(upgradeOf(`${MACHINES}/one/wire`));
    await once(socket, "data");
    socket.resume();
    const closed = once(socket, "close");
    await api.close();
    await closed;
  });
});
