/** How Hoop is reached, and what it says of itself. */
import Type from "typebox";
import { strict } from "./shapes.ts";

export const Listen = Type.Object(
  {
    host: Type.String({ default: "0.0.0.0" }),
    api: Type.Integer({ default: 6443, minimum: 0, maximum: 65535 }),
    webhook: Type.Integer({ default: 9443, minimum: 0, maximum: 65535 }),
    web: Type.Integer({
      default: 8080,
      minimum: 0,
      maximum: 65535,
      description: "Plain HTTP for /livez, /readyz and /metrics.",
    }),
  },
  strict,
);

export const Callers = Type.Union(
  [
    Type.Object({ mode: Type.Literal("client-certificate") }, { additionalProperties: false }),
    Type.Object(
      {
        mode: Type.Literal("unguessable-path"),
        secret: Type.String({
          minLength: 32,
          pattern: "^[a-z0-9.-]+$",
          description: "The last part of the paths in the registrations.",
        }),
      },
      { additionalProperties: false },
    ),
  ],
  { default: { mode: "client-certificate" }, description: "How the API server proves to be itself." },
);

export const Callback = Type.Optional(
  Type.Object(
    {
      url: Type.String({ pattern: "^https?://" }),
      secretFile: Type.String({ description: "Holds the key that signs callbacks (Standard Webhooks)." }),
    },
    { additionalProperties: false, description: "Told of each approval and decision." },
  ),
);

export const Log = Type.Object(
  {
    level: Type.Union(
      ["debug", "info", "warn", "error"].map((level) => Type.Literal(level)),
      { default: "info" },
    ),
    requests: Type.Boolean({
      default: false,
      description: "Whether each request to the aggregated API is logged: who, what and how it ended.",
    }),
  },
  strict,
);

export const Shutdown = Type.Object(
  {
    waitSeconds: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 0,
      description:
        "How long everything is still served, not ready, before it ends. With several replicas 15, so that all of the cluster notices.",
    }),
  },
  strict,
);
