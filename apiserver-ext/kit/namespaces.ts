/** NamespaceLifecycle: admission does not run for aggregated objects, so what it promises is kept here. */

export type NamespaceState = "active" | "terminating" | "missing";

/** Rejects when it cannot tell; then nothing is created. */
export type Namespaces = (name: string) => Promise<NamespaceState>;
