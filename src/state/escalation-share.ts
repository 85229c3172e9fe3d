const RECENT = 200;
/** This many calls may escalate before the share applies. */
const FREE = 10;

/** How many of a route's last 200 calls were escalated. */
export class EscalationShare {
  readonly #recent: boolean[] = [];
  #escalated = 0;

  /** Whether one more escalation stays within the share. */
  allows(maxShare: number): boolean {
    const calls = this.#recent.length;
    return calls < FREE ? maxShare > 0 : this.#escalated < maxShare * calls;
  }

  record(escalated: boolean): void {
    this.#recent.push(escalated);
    if (escalated) this.#escalated += 1;
    if (this.#recent.length > RECENT && this.#recent.shift()) this.#escalated -= 1;
  }
}
