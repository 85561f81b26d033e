const LATER = "Kubernetes folds constants and refuses what then fails; here the evaluation fails, and denies";

/** Where the results differ from Kubernetes', and why; a difference that no longer occurs fails the test. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "int('x')": LATER,
  "int(1e19)": LATER,
  "bool('yes')": LATER,
  "uint(-1)": LATER,
  "object.text.startsWith(1)":
    "Kubernetes checks the arguments of a method of a dyn; here the evaluation finds no overload, and denies",
};
