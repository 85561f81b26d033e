/**
 * The gate that every object passes before a byte of it leaves: is it visible to the caller, and what of it. What
 * represents and encodes objects takes nothing that has not come through here.
 */
import type { Caller, KubeObject, ResourceDefinition } from "./resource.ts";

declare const PRESENTED: unique symbol;

/** An object as its caller may see it. Made here alone. */
export type Presented<T> = T & { readonly [PRESENTED]: true };

/** Gives the object as the caller may see it; undefined: to the caller it does not exist. */
export type Presenter<T> = (object: T) => Presented<T> | undefined;

export function presenter<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  caller: Caller,
): Presenter<T> {
  const isVisible = definition.visible?.(caller) ?? (() => true);
  const present = definition.present?.(caller) ?? ((object: T) => object);
  return (object) => (isVisible(object) ? mark(present(object)) : undefined);
}

/** The object of a custom subresource: made for this caller by the subresource itself, which masks what it must. */
export function presentedBySubresource(object: KubeObject): Presented<KubeObject> {
  return mark(object);
}

function mark<T>(object: T): Presented<T> {
  return object as Presented<T>;
}
