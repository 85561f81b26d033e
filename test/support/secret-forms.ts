/** Every way in which a pod spec can name a Secret, by the place of the reference in Kubernetes' schema. */

type Spec = Record<string, unknown>;

const CONTAINER = { name: "main", image: "app:1" };
const BASE: Spec = { automountServiceAccountToken: false, containers: [CONTAINER] };

const withVolume = (source: object): Spec => ({ ...BASE, volumes: [{ name: "v", ...source }] });
const variable = (secret: string) => ({
  env: [{ name: "V", valueFrom: { secretKeyRef: { name: secret, key: "password" } } }],
});
const variables = (secret: string) => ({ envFrom: [{ secretRef: { name: secret } }] });
const inInit = (more: object): Spec => ({
  ...BASE,
  initContainers: [{ name: "init", image: "app:1", ...more }],
});

/** The pod spec that names the Secret, and that the API server takes for valid, by the path of the reference. */
export const SECRET_FORMS: Readonly<Record<string, (secret: string) => Spec>> = {
  "containers[].env[].valueFrom.secretKeyRef": (secret) => ({
    ...BASE,
    containers: [{ ...CONTAINER, ...variable(secret) }],
  }),
  "containers[].envFrom[].secretRef": (secret) => ({
    ...BASE,
    containers: [{ ...CONTAINER, ...variables(secret) }],
  }),
  "initContainers[].env[].valueFrom.secretKeyRef": (secret) => inInit(variable(secret)),
  "initContainers[].envFrom[].secretRef": (secret) => inInit(variables(secret)),
  "imagePullSecrets[]": (secret) => ({ ...BASE, imagePullSecrets: [{ name: secret }] }),
  "volumes[].secret": (secret) => withVolume({ secret: { secretName: secret } }),
  "volumes[].projected.sources[].secret": (secret) =>
    withVolume({ projected: { sources: [{ secret: { name: secret } }] } }),
  "volumes[].csi.nodePublishSecretRef": (secret) =>
    withVolume({ csi: { driver: "csi.example.com", nodePublishSecretRef: { name: secret } } }),
  "volumes[].azureFile.secretName": (secret) =>
    withVolume({ azureFile: { secretName: secret, shareName: "share" } }),
  "volumes[].cephfs.secretRef": (secret) =>
    withVolume({ cephfs: { monitors: ["10.0.0.1:6789"], secretRef: { name: secret } } }),
  "volumes[].cinder.secretRef": (secret) =>
    withVolume({ cinder: { volumeID: "1", secretRef: { name: secret } } }),
  "volumes[].flexVolume.secretRef": (secret) =>
    withVolume({ flexVolume: { driver: "example.com/flex", secretRef: { name: secret } } }),
  "volumes[].iscsi.secretRef": (secret) =>
    withVolume({
      iscsi: {
        targetPortal: "10.0.0.1:3260",
        iqn: "iqn.2001-04.com.example:storage",
        lun: 0,
        chapAuthSession: true,
        secretRef: { name: secret },
      },
    }),
  "volumes[].rbd.secretRef": (secret) =>
    withVolume({ rbd: { monitors: ["10.0.0.1:6789"], image: "disk", secretRef: { name: secret } } }),
  "volumes[].scaleIO.secretRef": (secret) =>
    withVolume({
      scaleIO: { gateway: "https://10.0.0.1", system: "s", volumeName: "v", secretRef: { name: secret } },
    }),
  "volumes[].storageos.secretRef": (secret) =>
    withVolume({ storageos: { volumeName: "v", secretRef: { name: secret } } }),
};

/** As SECRET_FORMS, by what is sent to a running pod's `ephemeralcontainers`. */
export const EPHEMERAL_FORMS: Readonly<Record<string, (secret: string) => Spec>> = {
  "ephemeralContainers[].env[].valueFrom.secretKeyRef": (secret) => ({
    ephemeralContainers: [{ name: "debug", image: "app:1", ...variable(secret) }],
  }),
  "ephemeralContainers[].envFrom[].secretRef": (secret) => ({
    ephemeralContainers: [{ name: "debug", image: "app:1", ...variables(secret) }],
  }),
};

/** What looks like a reference in the schema, and why it is none. */
export const NO_REFERENCES: Readonly<Record<string, string>> = {
  "volumes[].cephfs.secretFile": "a path on the node, that a hostPath could show",
  "volumes[].ephemeral.volumeClaimTemplate.spec.dataSource": "a claim or a snapshot",
  "volumes[].ephemeral.volumeClaimTemplate.spec.dataSourceRef":
    "read by whatever controller fills the volume",
  "volumes[].image.reference": "the documentation speaks of imagePullSecrets",
  "volumes[].projected": "the documentation speaks of its sources, which are looked at",
  "securityContext.fsGroupChangePolicy": "the documentation speaks of volumes that it does not concern",
};
