import { flagWords } from "./flags.ts";
import type { Pki } from "./pki.ts";

/** `kubeconfig` is that of system:kube-controller-manager. */
export interface ControllerManagerOptions {
  readonly program: string;
  readonly port: number;
  readonly kubeconfig: string;
  readonly keys: Pki;
}

/** kube-controller-manager with its default controllers, each as a ServiceAccount of its own, as kubeadm has it. */
export const controllerManagerCommand = (options: ControllerManagerOptions): string[] => [
  options.program,
  ...flagWords({
    "bind-address": "127.0.0.1",
    "secure-port": String(options.port),
    "tls-cert-file": options.keys.serving.certificate,
    "tls-private-key-file": options.keys.serving.key,
    kubeconfig: options.kubeconfig,
    "authentication-kubeconfig": options.kubeconfig,
    "authorization-kubeconfig": options.kubeconfig,
    "use-service-account-credentials": "true",
    "service-account-private-key-file": options.keys.serviceAccount.key,
    "root-ca-file": options.keys.ca.files.certificate,
    "cluster-signing-cert-file": options.keys.ca.files.certificate,
    "cluster-signing-key-file": options.keys.ca.files.key,
    "leader-elect": "false",
  }),
];
