/** The catalogue as this plugin was shipped with it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface CatalogueFile {
  name: string;
  text: string;
}

export const CATALOGUE_FOLDER = join(import.meta.dirname, "..", "..", "deploy", "policies");

export async function catalogueFiles(): Promise<CatalogueFile[]> {
  const names = (await readdir(CATALOGUE_FOLDER)).filter((name) => name.endsWith(".yaml")).sort();
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(CATALOGUE_FOLDER, name), "utf8") })),
  );
}
