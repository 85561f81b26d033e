import type { Frames, FrameType } from "../encode.ts";
import { type WatchOptions, watchOptions } from "../list-options.ts";
import { negotiateForm } from "../negotiate.ts";
import { includeObject, watchRepresentation } from "../represent.ts";
import type { KubeObject, ResourceChange } from "../resource.ts";
import { expired, type StatusError, statusOf, tooLargeResourceVersion } from "../status.ts";
import type { Revision } from "../storage.ts";
import { type Call, selected } from "./call.ts";

const BOOKMARK_EVERY = 60_000;
/** A last bookmark this long before the end, so that the client can go on from there. */
const BOOKMARK_BEFORE_END = 2_000;
const INITIAL_EVENTS_END = { "k8s.io/initial-events-end": "true" };

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
  const { request, info, definition } = call;
  const { form } = negotiateForm(request, info, ["object", "Table", "PartialObjectMetadata"]);
  const options = watchOptions(info.query);
  const isSelected = selected(call);
  const shown = watchRepresentation(definition, form, includeObject(info.query));
  return {
    run: (frames, closing) => new Run(call, options, isSelected, shown, frames, closing).run(),
  };
}

class Run<T extends KubeObject> {
  readonly #call: Call<T>;
  readonly #options: WatchOptions;
  readonly #isSelected: (object: T) => boolean;
  readonly #shown: ReturnType<typeof watchRepresentation<T>>;
  readonly #frames: Frames;
  readonly #over: AbortSignal;
  readonly #end: number;
  #nextBookmark: number;
  #cursor: Revision = 0;

  constructor(
    call: Call<T>,
    options: WatchOptions,
    isSelected: (object: T) => boolean,
    shown: ReturnType<typeof watchRepresentation<T>>,
    frames: Frames,
    closing: AbortSignal,
  ) {
    this.#call = call;
    this.#options = options;
    this.#isSelected = isSelected;
    this.#shown = shown;
    this.#frames = frames;
    this.#over = AbortSignal.any([frames.gone, closing]);
    this.#end = performance.now() + options.timeout;
    this.#nextBookmark = this.#bookmarkAfter(performance.now());
  }

  async run(): Promise<void> {
    const wake = new Wake(this.#over);
    const stop = this.#call.definition.storage.onChange(() => wake.now());
    try {
      if (!(await this.#begin())) return;
      while (await this.#catchUp()) {
        await wake.within(Math.min(this.#end, this.#nextBookmark) - performance.now());
        if (this.#over.aborted || performance.now() >= this.#end) break;
        if (!(await this.#bookmarkIfDue())) return;
      }
      this.#frames.end();
    } finally {
      stop();
      wake.stop();
    }
  }

  /** Sets the cursor; false when the watch is over. */
  async #begin(): Promise<boolean> {
    const { minimum, initialEvents, bookmarks } = this.#options;
    const { storage } = this.#call.definition;
    const revision = await storage.revision();
    if (minimum !== undefined && revision < minimum) {
      return this.#fail(tooLargeResourceVersion(minimum, revision));
    }
    this.#cursor = minimum ?? revision;
    if (!initialEvents) return true;
    const present = await storage.list(this.#call.info.namespace);
    this.#cursor = present.revision;
    for (const object of present.items.filter(this.#isSelected)) {
      if (!(await this.#frames.send("ADDED", this.#shown.object(object)))) return false;
    }
    return !bookmarks || this.#bookmark(INITIAL_EVENTS_END);
  }

  /** Sends what has changed; false when the watch is over. */
  async #catchUp(): Promise<boolean> {
    for (;;) {
      const news = await this.#call.definition.storage.changes(this.#call.info.namespace, this.#cursor);
      if (news.outcome === "expired") return this.#fail(expired(this.#cursor));
      for (const change of news.changes) {
        if (!(await this.#tell(change))) return false;
      }
      // A page may end before the newest change; the next one starts where this one looked to.
      if (news.revision <= this.#cursor) return true;
      this.#cursor = news.revision;
    }
  }

  /** Entering the selection is ADDED; leaving it is DELETED, with the last state that was in it. */
  async #tell(change: ResourceChange<T>): Promise<boolean> {
    const before = change.previous && this.#isSelected(change.previous) ? change.previous : undefined;
    const after = change.type === "put" && this.#isSelected(change.object) ? change.object : undefined;
    const object = after ?? before;
    if (!object) return true;
    const type: FrameType = !after ? "DELETED" : before ? "MODIFIED" : "ADDED";
    return this.#frames.send(type, this.#shown.object(atRevision(object, change.revision)));
  }

  #bookmarkAfter(now: number): number {
    const last = this.#end - BOOKMARK_BEFORE_END;
    return this.#options.bookmarks && now < last
      ? Math.min(now + BOOKMARK_EVERY, last)
      : Number.POSITIVE_INFINITY;
  }

  async #bookmarkIfDue(): Promise<boolean> {
    const now = performance.now();
    if (now < this.#nextBookmark) return true;
    this.#nextBookmark = this.#bookmarkAfter(now);
    return this.#bookmark();
  }

  #bookmark(annotations?: Record<string, string>): Promise<boolean> {
    return this.#frames.send("BOOKMARK", this.#shown.bookmark(String(this.#cursor), annotations));
  }

  /** The answer has begun, so an error is a frame. */
  async #fail(error: StatusError): Promise<false> {
    if (await this.#frames.send("ERROR", statusOf(error))) this.#frames.end();
    return false;
  }
}

function atRevision<T extends KubeObject>(object: T, revision: Revision): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

/** Sleep that a change, the end of the watch or the time ends. A change while awake makes the next sleep short. */
class Wake {
  readonly #over: AbortSignal;
  readonly #onOver = () => this.now();
  #pending = false;
  #resolve: () => void = () => {};

  constructor(over: AbortSignal) {
    this.#over = over;
    over.addEventListener("abort", this.#onOver);
  }

  now(): void {
    this.#pending = true;
    this.#resolve();
  }

  async within(milliseconds: number): Promise<void> {
    if (!this.#pending && !this.#over.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(milliseconds, 0));
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#pending = false;
  }

  stop(): void {
    this.#over.removeEventListener("abort", this.#onOver);
    this.#resolve();
  }
}
