/** What policy authors keep in files: AgentPolicies and their tests. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { documentsIn, type SourceDocument, type SourceProblem } from "#core/policy/documents.ts";
import { CommandError } from "../failure.ts";

/** Of all kinds; the caller picks those that it knows. */
export interface Found {
  documents: SourceDocument[];
  problems: SourceProblem[];
}

const MANIFEST = /\.(ya?ml|json)$/;
/** What is never an author's. */
const PASSED_OVER = new Set(["node_modules", ".git"]);

/** The documents of files, and of all manifests below folders. @throws {CommandError} for a path that cannot be read. */
export async function documentsBelow(paths: readonly string[]): Promise<Found> {
  const files = (await Promise.all(paths.map(manifests))).flat();
  const found: Found = { documents: [], problems: [] };
  for (const file of new Set(files)) {
    const { documents, problems } = documentsIn(await read(file), file);
    found.documents.push(...documents);
    found.problems.push(...problems);
  }
  return found;
}

async function manifests(path: string): Promise<string[]> {
  const { isFolder } = await looked(path);
  if (!isFolder) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const below = entries
    .filter(({ name }) => !PASSED_OVER.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((entry) => {
      const inside = path.endsWith(sep) ? `${path}${entry.name}` : join(path, entry.name);
      if (entry.isDirectory()) return manifests(inside);
      return entry.isFile() && MANIFEST.test(entry.name) ? [inside] : [];
    });
  return (await Promise.all(below)).flat();
}

async function looked(path: string): Promise<{ isFolder: boolean }> {
  try {
    return { isFolder: (await stat(path)).isDirectory() };
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(path: string, error: unknown): CommandError {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return new CommandError(code === "ENOENT" ? `there is no ${path}` : `${path} cannot be read (${code})`);
}
