/** The OpenID Connect token that is exchanged: from a file, or from the CI system that runs us. */
import { CommandError } from "../failure.ts";
import { exchangeUrl, textIn } from "./exchange.ts";
import { answered } from "./http.ts";
import type { Terms } from "./terms.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const AUDIENCE = "hoop";
const URL_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/** Whether there is one to be had. */
export function hasSource({ tokenFile }: Pick<Terms, "tokenFile">, environment: Environment): boolean {
  return tokenFile !== undefined || environment[URL_VARIABLE] !== undefined;
}

/** Read anew each time: projected tokens are replaced in their file. Rejects with a CommandError. */
export async function oidcToken(terms: Terms, environment: Environment): Promise<string> {
  if (terms.tokenFile !== undefined) return tokenIn(terms.tokenFile);
  const [address, bearer] = [environment[URL_VARIABLE], environment[TOKEN_VARIABLE]];
  if (address === undefined || bearer === undefined)
    throw new CommandError(
      `there is no token to exchange: name its file with --token-file, or run where ${URL_VARIABLE} and ` +
        `${TOKEN_VARIABLE} are set (GitHub: permissions: id-token: write)`,
    );
  const url = new URL(exchangeUrl(address));
  url.searchParams.set("audience", terms.audience ?? AUDIENCE);
  const headers = { authorization: `Bearer ${bearer}`, accept: "application/json" };
  const { code, fields } = await answered(url.href, { method: "GET", headers });
  if (code === 200 && typeof fields["value"] === "string") return fields["value"];
  throw new CommandError(`${url.origin} gave no OpenID Connect token: it answered ${code}`);
}

function tokenIn(file: string): string {
  const token = textIn(file, "the token file").trim();
  if (token === "") throw new CommandError(`the token file ${file} is empty`);
  return token;
}
