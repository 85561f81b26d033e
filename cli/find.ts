/** The approval a person means by a name. */
import type { Approval } from "#core/approval.ts";
import type { Api } from "./api.ts";
import { ApiError, CommandError } from "./failure.ts";

/** In the namespace, or in whichever has the only one of that name. Throws {@link CommandError}. */
export async function findApproval(api: Api, namespace: string | undefined, name: string): Promise<Approval> {
  if (namespace === undefined) return onlyOne(await everywhere(api, name), name);
  try {
    return await api.approval(namespace, name);
  } catch (error) {
    // Without the API itself the answer is NotFound too, but then its message is not about this name.
    if (error instanceof ApiError && error.reason === "NotFound" && error.message.includes(`"${name}"`))
      throw unknown(name, `namespace ${namespace}`);
    throw error;
  }
}

async function everywhere(api: Api, name: string): Promise<Approval[]> {
  const { items } = await hintingNamespace(api.list("approvals", undefined, `metadata.name=${name}`));
  return items.filter(({ metadata }) => metadata.name === name);
}

function onlyOne(found: readonly Approval[], name: string): Approval {
  const [first, ...others] = found;
  if (first === undefined) throw unknown(name, "any namespace");
  if (others.length === 0) return first;
  const namespaces = found.map(({ metadata }) => metadata.namespace).join(", ");
  throw new CommandError(
    `there is an approval ${name} in each of the namespaces ${namespaces}: name one with -n`,
  );
}

function unknown(name: string, where: string): CommandError {
  return new CommandError(
    `there is no approval ${name} in ${where}; see what waits with: kubectl hoop pending`,
  );
}

/** Who may look into one namespace only is told how. */
export async function hintingNamespace<T>(listed: Promise<T>): Promise<T> {
  try {
    return await listed;
  } catch (error) {
    if (
      error instanceof ApiError &&
      error.reason === "Forbidden" &&
      error.message.includes("at the cluster scope")
    )
      throw new ApiError(error.reason, `${error.message}; name a namespace that you may look into with -n`);
    throw error;
  }
}
