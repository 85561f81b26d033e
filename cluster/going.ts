/** What is to be cleared away when the installation itself is deleted. */
import { type Client, isNotFound, path } from "./client.ts";

/** Whoever ends has little time, and the API server may be the reason. */
const TIMEOUT = 3_000;

/** Whether the namespace is being deleted, or is gone already. Rejects with a KubeError where that cannot be told. */
export async function isGoing(client: Client, namespace: string): Promise<boolean> {
  try {
    const { metadata } = await client.request<{ metadata: { deletionTimestamp?: string } }>({
      path: `/api/v1${path("namespaces", namespace)}`,
      timeout: TIMEOUT,
    });
    return metadata.deletionTimestamp !== undefined;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

/** Whether it was there. With an APIService that nobody answers for, no namespace is ever deleted to its end. */
export async function removeApiService(client: Client, name: string): Promise<boolean> {
  try {
    const collection = "/apis/apiregistration.k8s.io/v1/apiservices";
    await client.request({ method: "DELETE", path: collection + path(name), timeout: TIMEOUT });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
