/** What was measured under policies, and whether it is what was aimed for. */
import { ANNOTATED, type PolicyCell } from "./policies.ts";
import { aligned } from "./report.ts";

const number = (value: number | null, digits: number) => value?.toFixed(digits) ?? "-";

export function policyTable(cells: readonly PolicyCell[]): string {
  const rows = cells.map((cell) => [
    cell.policies,
    cell.body,
    cell.target,
    number(cell.webhookMicros, 0),
    number(cell.ratio, 2),
    number(cell.withRestMicros, 0),
    number(cell.apiserverMicros, 0),
    number(cell.writesPerSecond, 0),
    String(cell.failures),
  ]);
  const head = [
    "POLICIES",
    "BODY",
    "TARGET",
    "REVIEW µs",
    "x NULL",
    "WITH WHAT FOLLOWS",
    "API SERVER µs, OVER NONE",
    "WRITES/S",
    "FAILED",
  ];
  return aligned([head, ...rows]);
}

/** Of Hoop's CPU a review, over the null webhook's in the same run. */
const AIMS: readonly { policies: string; body: string; most: number | null }[] = [
  { policies: "100", body: "Pod 3 KB", most: 2 },
  { policies: "100", body: "Deployment 60 KB", most: 1.5 },
  { policies: ANNOTATED, body: "Pod 12 KB", most: null },
  { policies: ANNOTATED, body: "Deployment 120 KB", most: null },
];

/** Beside them what the API server itself takes for the same expressions, as ValidatingAdmissionPolicies. */
export function aimTable(cells: readonly PolicyCell[]): string {
  const rows = AIMS.flatMap(({ policies, body, most }) => {
    const of = (target: string) =>
      cells.find(
        (cell) => cell.policies === policies && cell.body === body && cell.target.startsWith(target),
      );
    const hoop = of("hoop");
    if (hoop === undefined) return [];
    const [found, itself] = [hoop.ratio, of("ValidatingAdmissionPolicy")];
    const reached = most === null || found === null ? "-" : found <= most ? "reached" : "not reached";
    return [
      [
        policies,
        body,
        number(hoop.webhookMicros, 0),
        number(found, 2),
        most === null ? "-" : `at most ${most}`,
        reached,
        number(itself?.apiserverMicros ?? null, 0),
      ],
    ];
  });
  const head = ["POLICIES", "BODY", "REVIEW µs", "x NULL", "AIM", "", "THE SAME AS VAP, API SERVER µs"];
  return aligned([head, ...rows]);
}
