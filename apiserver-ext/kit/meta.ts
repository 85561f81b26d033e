/** ObjectMeta and ListMeta of meta/v1, as they are documented: older clients refuse to send what is not. */
import Type from "typebox";

const optionalText = (description: string) => Type.Optional(Type.String({ description }));
const optionalTexts = (description: string) =>
  Type.Optional(Type.Record(Type.String(), Type.String(), { description }));

const time = (description: string) =>
  Type.Optional(Type.Union([Type.String({ format: "date-time" }), Type.Null()], { description }));

const OwnerReference = Type.Object({
  apiVersion: Type.String({ description: "The owner's API version." }),
  kind: Type.String({ description: "The owner's kind." }),
  name: Type.String({ description: "The owner's name." }),
  uid: Type.String({ description: "The owner's uid." }),
  controller: Type.Optional(Type.Boolean({ description: "Whether it is the one that manages the object." })),
  blockOwnerDeletion: Type.Optional(
    Type.Boolean({
      description: "Whether the owner waits for the object when it is deleted in the foreground.",
    }),
  ),
});

const ManagedFieldsEntry = Type.Object({
  manager: optionalText("Who manages these fields."),
  operation: optionalText("Apply or Update."),
  apiVersion: optionalText("The version of the object that was written."),
  time: time("When the fields were written last."),
  fieldsType: optionalText("FieldsV1."),
  fieldsV1: Type.Optional(Type.Object({}, { description: "The fields." })),
  subresource: optionalText("Through which subresource they were written."),
});

/** Everything optional: clients send what they have. */
export const ObjectMeta = Type.Object(
  {
    name: optionalText("Unique within a namespace."),
    generateName: optionalText("What the name begins with, where the server is to choose one."),
    namespace: optionalText("The namespace that the name is unique in."),
    uid: optionalText("Unique in time and space, set by the server."),
    resourceVersion: optionalText(
      "Opaque value of this version of the object; sent back, it guards against overwriting.",
    ),
    creationTimestamp: time("When it was created."),
    deletionTimestamp: time("When it is to be gone; it goes once nobody holds it back."),
    deletionGracePeriodSeconds: Type.Optional(
      Type.Integer({ format: "int64", description: "How long it may take to end." }),
    ),
    generation: Type.Optional(Type.Integer({ format: "int64", description: "Counts the desired states." })),
    labels: optionalTexts("Keys and values by which objects are selected."),
    annotations: optionalTexts("Keys and values that are kept and not interpreted."),
    finalizers: Type.Optional(
      Type.Array(Type.String(), { description: "Who holds it back when it is deleted." }),
    ),
    ownerReferences: Type.Optional(
      Type.Array(OwnerReference, { description: "The objects without which it is collected." }),
    ),
    managedFields: Type.Optional(
      Type.Array(ManagedFieldsEntry, { description: "Who manages which fields." }),
    ),
    selfLink: optionalText("Not used any more."),
  },
  { description: "Metadata that every object has." },
);

export const ListMeta = Type.Object(
  {
    resourceVersion: optionalText("The version that the list is a snapshot of."),
    continue: optionalText("The token of the next page."),
    remainingItemCount: Type.Optional(
      Type.Integer({ format: "int64", description: "How many objects follow, where that is known." }),
    ),
  },
  { description: "Metadata that every list has." },
);

export const API_VERSION = Type.String({
  description: "The versioned schema of this representation of an object.",
});
export const KIND = Type.String({ description: "The kind of object that this is." });
