/** ObjectMeta and ListMeta of meta/v1, as far as the kit reads and documents them. */
import Type from "typebox";

const optionalText = (description: string) => Type.Optional(Type.String({ description }));
const optionalTexts = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.String(), { description }));

/** Everything optional: clients send what they have. */
export const ObjectMeta = Type.Object(
  {
    name: optionalText("Unique within a namespace."),
    namespace: optionalText("The namespace that the name is unique in."),
    uid: optionalText("Unique in time and space, set by the server."),
    resourceVersion: optionalText(
      "Opaque value of this version of the object; sent back, it guards against overwriting.",
    ),
    creationTimestamp: Type.Optional(
      Type.Union([Type.String({ format: "date-time" }), Type.Null()], {
        description: "When it was created.",
      }),
    ),
    generation: Type.Optional(Type.Integer({ description: "Counts the desired states." })),
    labels: optionalTexts("Keys and values by which objects are selected."),
    annotations: optionalTexts("Keys and values that are kept and not interpreted."),
    managedFields: Type.Optional(Type.Array(Type.Unknown(), { description: "Who manages which fields." })),
  },
  { description: "Metadata that every object has." },
);

export const ListMeta = Type.Object(
  { resourceVersion: optionalText("The version that the list is a snapshot of.") },
  { description: "Metadata that every list has." },
);

export const API_VERSION = Type.String({
  description: "The versioned schema of this representation of an object.",
});
export const KIND = Type.String({ description: "The kind of object that this is." });
