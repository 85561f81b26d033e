/**
 * How the Hoop server's Node.js is run, here as in the Containerfile. Left to itself V8 measures its heaps by the
 * machine: on a large one it takes hundreds of megabytes before it collects anything.
 */

export const NODE_FLAGS: readonly string[] = [
  // Of each half of the young generation, MiB: enough for the reviews of a moment.
  "--max-semi-space-size=4",
  // Far more than is ever needed at once; what V8 knows to be scarce it lets grow less before it collects.
  "--max-old-space-size=384",
  // So much more than what is alive, and no more, before it collects; by itself up to three times as much.
  "--heap-growing-percent=20",
  // Helper threads of V8. Each keeps memory of its own; with one alone, marking ends late, and the heap grows meanwhile.
  "--v8-pool-size=2",
];

/** With glibc each thread would keep its own heap of freed memory. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "2" };
