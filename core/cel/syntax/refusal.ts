/** Why an expression does not compile. The message quotes nothing but the expression. */
export class Refusal extends Error {
  /** Where in the expression, in UTF-16 units. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}
