/** Shapes that several sections have. */
import Type from "typebox";

/** Of users, groups, namespaces. */
export const Names = Type.Array(Type.String({ minLength: 1 }), { default: [] });

/** A whole number of them. */
export const Seconds = (fallback: number, minimum = 1) => Type.Integer({ minimum, default: fallback });

/** Of an object: all its members have defaults, and there are no others. */
export const strict = { additionalProperties: false, default: {} };
