/** What policies may take as params. */

/**
 * Why objects of this kind may not; "" where they may. Hoop can read every Secret, and whoever writes policies need not
 * be allowed to: in a message or a record their values would be open to many.
 */
export function whyNoParams({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  const isSecret = kind === "Secret" || kind === "SecureSecret";
  return isSecret && (apiVersion === "v1" || apiVersion.startsWith("hoop.dev/"))
    ? "Secrets are no params"
    : "";
}
