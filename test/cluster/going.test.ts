/** The namespace of the installation is deleted, by somebody who knows nothing of `kubectl hoop uninstall`. */
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { type HoopProcess, spawnHoop } from "../support/replaced.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const API_SERVICE = ["get", "apiservice", "v1alpha1.hoop.dev", "-o", "name"];

describe("kubectl delete namespace hoop-system", () => {
  let bed: Testbed;
  let hoop: HoopProcess;

  before(async () => {
    bed = await startTestbed({ controlPlane: { controllerManager: true } });
    await bed.stopHoop();
    // What the kubelet ends last of all: a pod, which stays until its process has ended. There is no kubelet here.
    await bed.apply({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "hoop-0", namespace: "hoop-system", finalizers: ["test.example.com/kubelet"] },
      spec: {
        serviceAccountName: "hoop",
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "hoop",
            image: "hoop",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
          },
        ],
      },
    });
    hoop = await started();
  });
  after(async () => {
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
  });

  /** As the pod does it: by the ServiceAccount's token, which is good no longer than the ServiceAccount is there. */
  async function started(): Promise<HoopProcess> {
    const token = await bed.controlPlane.serviceAccountToken("hoop-system", "hoop");
    const kubeconfig = await bed.controlPlane.kubeconfigWithToken("hoop", token);
    const process = await spawnHoop(bed, stringify({ ...parse(bed.settingsYaml), kubeconfig }));
    await process.until("hoop serves");
    return process;
  }

  async function terminated(): Promise<void> {
    hoop.child.kill("SIGTERM");
    expect(await hoop.ended, hoop.log()).to.equal(0);
  }

  it("is not what a mere stop looks like: the APIService stays", async () => {
    await terminated();
    expect(await bed.must("human", API_SERVICE)).to.contain("v1alpha1.hoop.dev");
    hoop = await started();
  });

  it("has Hoop take its APIService along as its pod ends", async () => {
    await bed.must("human", ["delete", "namespace", "hoop-system", "--wait=false"]);
    const going = ["--for=jsonpath={.metadata.deletionTimestamp}", "pod/hoop-0", "-n", "hoop-system"];
    await bed.must("human", ["wait", ...going, "--timeout=300s"]);
    await terminated();
    expect(hoop.log()).to.contain("the namespace is being deleted, and with it the APIService");
    expect((await bed.kubectl("human", API_SERVICE)).output).to.contain("NotFound");
  });

  it("so that it comes to its end, and so do others", async () => {
    const patch = '{"metadata":{"finalizers":null}}';
    await bed.must("human", ["patch", "pod", "hoop-0", "-n", "hoop-system", "--type=merge", "-p", patch]);
    await bed.must("human", ["wait", "--for=delete", "namespace/hoop-system", "--timeout=300s"]);
    await bed.must("human", ["create", "namespace", "other"]);
    await bed.must("human", ["delete", "namespace", "other", "--timeout=300s"]);
  });
});
