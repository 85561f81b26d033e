/** The two servers, the webhook's and the aggregated API's, as one thing that opens and closes. */
import type { Certificates } from "#certs/directory.ts";
import type { Waiters } from "#core/hold/waiters.ts";
import { type Answerer, door } from "#kit/door.ts";
import { listen } from "#kit/listen.ts";
import type { ApiHandler } from "#kit/server.ts";

/** Milliseconds that what is under way is given to end. */
const GRACE = 5_000;

export interface Doors {
  ports: { api: number; webhook: number };
  /** From now on requests are answered. */
  open(api: ApiHandler, webhook: Answerer, waiters: Waiters): void;
  setCertificate(certificates: Certificates): void;
  stop(): Promise<void>;
}

/** The two servers; what comes before they are opened waits. `shared`: another Hoop still serves on the same ports. */
export async function openDoors(
  { host, ...ports }: { host: string; api: number; webhook: number },
  first: Certificates,
  shared: boolean,
): Promise<Doors> {
  const shown = { key: first.key, cert: first.certificate, host, shared };
  const doors = { api: door(), webhook: door() };
  const api = await listen({ ...shown, port: ports.api, handler: doors.api.handler });
  const webhook = await listen({ ...shown, port: ports.webhook, handler: doors.webhook.handler }).catch(
    async (error: unknown) => {
      await api.close(async () => {}, 0);
      throw error;
    },
  );
  let drains = { api: async () => {}, webhook: async () => {} };
  let stopped: Promise<unknown> | undefined;
  return {
    ports: { api: api.port, webhook: webhook.port },
    open(answerApi, answerWebhook, waiters) {
      // Who waits is sent away to ask again; the approvals stay.
      drains = { api: () => answerApi.close(), webhook: async () => waiters.stop() };
      doors.api.open(answerApi);
      doors.webhook.open(answerWebhook);
    },
    setCertificate({ key, certificate: cert }) {
      for (const server of [api, webhook]) server.setCertificate({ key, cert });
    },
    async stop() {
      stopped ??= Promise.all([api.close(drains.api, GRACE), webhook.close(drains.webhook, GRACE)]);
      await stopped;
    },
  };
}
