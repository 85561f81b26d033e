import type { Frame, Frames } from "../encode.ts";
import { watchOptions } from "../list-options.ts";
import { negotiateForm, notAcceptable } from "../negotiate.ts";
import { presenter } from "../present.ts";
import { includeObject, watchRepresentation } from "../represent.ts";
import type { KubeObject, WatchEvent } from "../resource.ts";
import { StatusError, statusOf } from "../status.ts";
import { type Call, selection } from "./call.ts";

/** A watch whose parameters are in order. */
export interface Watch {
  /**
   * Sends frames until the client leaves, its time is over or the signal aborts, and ends the stream.
   * Rejects only on a failure of the storage; the stream is then still open, for the error to be told.
   */
  run(frames: Frames, closing: AbortSignal): Promise<void>;
}

/** @throws {StatusError} for parameters that are not in order; whatever goes wrong later is a frame. */
export function watch<T extends KubeObject>(call: Call<T>): Watch {
  const { request, info, definition, caller } = call;
  const { form, media } = negotiateForm(request, info, ["object", "Table", "PartialObjectMetadata"]);
  const asked = { ...watchOptions(info.query), ...selection(call) };
  if (media === "yaml") throw notAcceptable("application/json;stream=watch");
  const present = presenter(definition, caller);
  const shown = watchRepresentation(definition, form, includeObject(info.query, form));

  function* framesOf(events: readonly WatchEvent<T>[]): Generator<Frame> {
    for (const event of events) {
      const { type } = event;
      if (type === "BOOKMARK") {
        yield { type, object: shown.bookmark(event.resourceVersion, event.initialEventsEnd) };
        continue;
      }
      const object = present(event.object);
      if (object) yield { type, object: shown.object(object) };
    }
  }

  return {
    async run(frames, closing) {
      const over = AbortSignal.any([frames.gone, closing]);
      try {
        for await (const events of definition.storage.watch(asked, over)) {
          if (!(await frames.send(framesOf(events)))) return;
        }
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        // The answer has begun, so an error is a frame.
        if (!(await frames.send([{ type: "ERROR", object: statusOf(error) }]))) return;
      }
      frames.end();
    },
  };
}
