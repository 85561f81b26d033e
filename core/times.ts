/** RFC 3339 times in UTC. */

/** Seconds, as Kubernetes' metav1.Time. */
export function seconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** Microseconds, as Kubernetes' metav1.MicroTime. `now` may carry a fraction of a millisecond. */
export function micros(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const fraction = Math.floor((milliseconds - whole) * 1000);
  return `${new Date(whole).toISOString().slice(0, 23)}${String(fraction).padStart(3, "0")}Z`;
}
