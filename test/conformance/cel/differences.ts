/** Where the results differ from Kubernetes', and why; a difference that no longer occurs fails the test. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "{[1]: 'a'}":
    "lists, maps and values of Kubernetes' own types are no keys here: the evaluation fails, and denies",
  "format.uri().validate('x').value()": "what is wrong is told in other words",
  "google.protobuf.Int64Value{value: 1}": "messages are refused when compiled",
  "kubernetes.UserInfo{username: 'a'}": "messages are refused when compiled; in Kubernetes when evaluated",
};
