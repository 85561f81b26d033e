/** Whose tokens may be exchanged for sessions. */
import Type from "typebox";
import { Names, strict } from "./shapes.ts";

export const Exchange = Type.Object(
  {
    issuers: Type.Array(
      Type.Object(
        {
          issuer: Type.String({ pattern: "^https://|^http://(127\\.0\\.0\\.1|localhost)[:/]" }),
          audiences: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
          algorithms: Type.Array(
            Type.Union(
              ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"].map(
                (algorithm) => Type.Literal(algorithm),
              ),
            ),
            { minItems: 1, default: ["RS256", "ES256"] },
          ),
          authorizedParties: Names,
          jobClaims: Type.Array(Type.String({ minLength: 1 }), {
            default: [
              ...["run_id", "run_attempt", "check_run_id", "job_workflow_ref"],
              ...["pipeline_id", "job_id"],
            ],
            description:
              "Claims that tell jobs apart which have the same sub: a token of one says nothing of another's session.",
          }),
          jwksUri: Type.Optional(Type.String({ pattern: "^https?://" })),
          usernamePrefix: Type.Optional(Type.String({ minLength: 1, pattern: "^[!-~]+$" })),
        },
        { additionalProperties: false },
      ),
      {
        default: [],
        description:
          "Whose OpenID Connect tokens may be exchanged for sessions at POST /token of the web port. None: there is no such thing.",
      },
    ),
    skewSeconds: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 30,
      description: "By how much clocks may differ.",
    }),
    port: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65535,
        description: "HTTPS for /token and /revoke. Left out: only the web port has them, for an Ingress.",
      }),
    ),
    tls: Type.Optional(
      Type.Object(
        { certificate: Type.String(), key: Type.String() },
        {
          additionalProperties: false,
          description:
            "Files (PEM) that this port shows; read again when they change. Left out: what the API server is shown.",
        },
      ),
    ),
    perMinute: Type.Object(
      {
        source: Type.Integer({
          minimum: 1,
          default: 600,
          description: "How often one address may ask; behind an Ingress all have the same.",
        }),
        subject: Type.Integer({ minimum: 1, default: 60, description: "How often one subject may." }),
      },
      strict,
    ),
    doorway: Type.Object(
      {
        namespace: Type.String({ default: "hoop-doorway" }),
        name: Type.String({ default: "hoop-doorway" }),
      },
      { ...strict, description: "The ServiceAccount whose tokens sessions are used with." },
    ),
  },
  strict,
);
