/** What a person reads when everything stands: lines to copy and paste. */
import { relative } from "node:path";
import type { Installation } from "./installation.ts";
import type { Layout } from "./state-directory.ts";

/** Ways around Hoop that only an authorization webhook in the API server's own configuration closes. */
const OPEN_WITHOUT_AUTHORIZATION = [
  "read Secrets (get, list, watch), also by the answers to patches and deletes of them",
  "impersonate somebody else (kubectl --as), approvers included",
  "change or delete admission webhooks and policies, Hoop's own registrations included",
  "make ServiceAccount tokens by a dry run, or approve certificates",
  "reach kubelets through nodes/proxy",
  "write approvals/approval where RBAC lets it (Hoop still refuses agents' decisions)",
];

export async function printTour(state: Layout, installation: Installation): Promise<void> {
  const at = (path: string) => {
    const near = relative(process.cwd(), path);
    return near.startsWith("..") ? path : `$PWD/${near}`;
  };
  if (installation.foreign) {
    console.log(`
WARNING: this API server does not ask Hoop for authorization (--authorization-config), so an agent whose RBAC
allows it can still:
${OPEN_WITHOUT_AUTHORIZATION.map((way) => `  - ${way}`).join("\n")}
Give agents no such RBAC, or configure the API server as deploy/apiserver/ shows. Its calls carry no client
certificate either: records will say "caller: unverified".

Hoop is ready. Agents are members of the group hoop:agents. Approvals wait in: kubectl get approvals.hoop.dev -A`);
    return;
  }
  console.log(`
Hoop is ready. Try it, in two terminals, in this directory:

  # terminal A: an agent. RBAC lets it do everything; it works with Secrets and sees no value
  export PATH="${at(state.bin)}:$PATH" KUBECONFIG="${at(state.kubeconfig.agent)}"
  kubectl get secrets -n demo          # refused
  kubectl get secure-secret database -n demo -o yaml

  # an agent that only an OpenID Connect provider knows: a session, which begins when it is used
  export KUBECONFIG="${at(state.kubeconfig.session)}"
  kubectl get pods
  kubectl get secret database -o yaml  # masked
  kubectl exec web -- id               # waits for approval, and is recorded

  # terminal B: a person who may approve, and nothing else
  export PATH="${at(state.bin)}:$PATH" KUBECONFIG="${at(state.kubeconfig.approver)}"
  kubectl get approvals.hoop.dev -A
  kubectl hoop approve NAME            # or deny NAME -m "not today"

  # anybody who may read records, such as the administrator
  export KUBECONFIG="${at(state.kubeconfig.human)}"
  kubectl hoop records
  kubectl hoop sessions --all
  kubectl hoop replay SESSION

  # last, in terminal A: it waits for approval, too. The session belongs to that namespace and ends with it, so that
  # kubectl could not wait for the end
  kubectl delete namespace demo --wait=false`);
}

/** What a stopped Hoop leaves in an API server that is not ours. */
export function printLeft(kubeconfig: string): void {
  console.log(`
Hoop's registrations stay in the API server: agents' writes are refused there until Hoop runs again. To take Hoop
out of it:
  kubectl --kubeconfig "${kubeconfig}" delete --ignore-not-found apiservice/v1alpha1.hoop.dev \\
    validatingwebhookconfiguration/hoop validatingwebhookconfiguration/config.hoop.dev \\
    mutatingwebhookconfiguration/hoop`);
}
