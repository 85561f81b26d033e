/** `oidc-token`: prints a new token of the tour's agent, as a CI system hands one to its jobs. */
import { readFile } from "node:fs/promises";
import { type IssuerFile, issuedToken } from "./issuer-file.ts";

const [file = ""] = process.argv.slice(2);
try {
  console.log(await issuedToken(JSON.parse(await readFile(file, "utf8")) as IssuerFile));
} catch (error) {
  console.error(`oidc-token: does npm start run? ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
