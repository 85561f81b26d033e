/** The API group of what Hoop serves itself. Its configuration is CRDs in `policy.hoop.dev`. */
export const GROUP = "hoop.dev";
export const VERSION = "v1alpha1";
