import { EvaluationError } from "@marcbachmann/cel-js";

/** An error of a CEL function. `code` becomes the message; no value of the input belongs into it. */
export const failure = (code: string): EvaluationError => new EvaluationError({ code, message: code });
