/** What the schemas of entries have in common. */
import Type from "typebox";

export const Time = Type.String({ description: "RFC 3339, UTC, microseconds." });

export const PayloadDigest = Type.Object(
  {
    digest: Type.String({
      description: "SHA-256, hex, over the payload as it is kept: 32 random bytes, then its canonical JSON.",
    }),
    size: Type.Integer({ description: "Bytes of that JSON." }),
  },
  { description: "What lies beside the entry. It can be erased; that it was is told by an erasure entry." },
);

export const Shortened = Type.Optional(
  Type.Boolean({
    description: "Groups and messages are cut to what an entry can hold; the payload has all of it.",
  }),
);

export const Agent = Type.Object({
  username: Type.String(),
  groups: Type.Array(Type.String()),
  credentialID: Type.Optional(Type.String()),
});
