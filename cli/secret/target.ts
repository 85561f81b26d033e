/** Which Secret and which value of it a command is about. */
import { CommandError } from "../failure.ts";

export interface SecretName {
  /** undefined: that of -n, or of the kubeconfig's context. */
  namespace: string | undefined;
  name: string;
}

const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const KEY = /^(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}$/;
/** `NAME`, `NAMESPACE/NAME`, or `securesecret.hoop.dev/NAME` as `kubectl get -o name` prints it. */
export function secretName(argument: string): SecretName {
  const parts = argument.replace(/^securesecret\.hoop\.dev\//, "").split("/");
  const [name = "", namespace] = parts.toReversed();
  if (parts.length <= 2 && NAME.test(name) && (namespace === undefined || NAMESPACE.test(namespace)))
    return { namespace, name };
  throw new CommandError("not the name of a Secret: NAME, or NAMESPACE/NAME");
}

export function keyName(argument: string): string {
  if (KEY.test(argument)) return argument;
  throw new CommandError("not a key of a Secret (letters, digits, -, _ and .)");
}
