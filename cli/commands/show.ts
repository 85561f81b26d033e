/** `kubectl hoop show NAME`: one approval in full. */
import { hoopApi } from "../api.ts";
import { card } from "../card.ts";
import type { Context } from "../context.ts";
import { findApproval } from "../find.ts";
import type { ColorFlag, ConnectionFlags, OutputFlag } from "../flags.ts";
import { approvalReference, colorWanted, formatted } from "../printing.ts";

export type ShowFlags = ConnectionFlags & OutputFlag & ColorFlag;

export async function show(this: Context, flags: ShowFlags, name: string): Promise<void> {
  const approval = await findApproval(hoopApi(this.kubectl, flags), flags.namespace, name);
  const text = await formatted(flags.output, approval, [approvalReference(approval)]);
  this.process.stdout.write(
    text ?? `${card(approval, { now: this.now(), color: colorWanted(this, flags) })}\n`,
  );
}
