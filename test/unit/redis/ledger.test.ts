import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Allowance } from '../../../src/redis/ledger/allowance.js';
import {
  answerClaim,
  type Claim,
  type Grant,
  type LedgerRules,
  type LedgerState,
} from '../../../src/redis/ledger/ledger.js';
import { useFakeTime } from '../../helpers/clock.js';

useFakeTime();

const START = Date.UTC(2030, 0, 31, 22, 30);
const HOUR = 3_600_000;

/** The shared side, and workers that send claims when the test says so. */
class Ledger {
  state: LedgerState | undefined;
  now = START;
  #epochs = 0;
  #seq = 0;
  constructor(readonly rules: LedgerRules) {}

  answer(claim: Claim): Grant | undefined {
    this.#epochs += 1;
    const { state, grant } = answerClaim(this.state, this.rules, claim, this.now, `e${this.#epochs}`, false);
    this.state = state;
    return grant;
  }

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  pass(ms: number): void {
    vi.advanceTimersByTime(ms);
    this.now += ms;
  }
}

class Member {
  readonly allowance: Allowance;
  constructor(
    readonly ledger: Ledger,
    readonly name: string,
  ) {
    this.allowance = new Allowance(ledger.rules.window);
  }

  /** Sends a claim; `deliver: false` loses the answer. */
  speak(waiting = 0, deliver = true, leaving = false): Claim {
    const stop = this.allowance.wait(waiting);
    const claim = this.allowance.claim(this.name, this.ledger.nextSeq(), leaving);
    stop();
    const grant = this.ledger.answer(claim);
    if (deliver && grant !== undefined) this.allowance.answer(claim.seq, grant, performance.now());
    return claim;
  }

  /** Reserves and spends, if its allowance is large enough. */
  spend(amount: number, silent = false): boolean {
    if (this.allowance.available(silent) < amount) return false;
    this.allowance.reserve(amount);
    this.allowance.release(amount);
    this.allowance.settle(amount);
    return true;
  }
}

const rules: LedgerRules = { limit: 10_000, window: 'hour', outageShare: 0, heartbeatMs: 1000, lost: 'count' };
const totalOf = ({ state }: Ledger) =>
  (state?.base ?? 0) + [...(state?.workers.values() ?? [])].reduce((sum, { allowance }) => sum + allowance, 0);

describe('the ledger', () => {
  let ledger: Ledger;
  let one: Member;
  let two: Member;
  beforeEach(() => {
    ledger = new Ledger(rules);
    one = new Member(ledger, 'one');
    two = new Member(ledger, 'two');
  });

  it('counts a raise whose answer was lost, until the worker reports less', () => {
    one.speak(6000, false);
    two.speak(6000);
    expect(two.allowance.allowance).toBeLessThanOrEqual(4000);
    one.speak(0);
    two.speak(6000);
    expect(two.allowance.allowance).toBeGreaterThanOrEqual(6000);
  });

  it('ignores a claim that comes after a later one of the same worker', () => {
    const early = one.allowance.claim('one', ledger.nextSeq());
    one.speak(6000);
    one.spend(6000);
    one.speak();
    expect(ledger.answer(early)).toBeUndefined();
    expect(totalOf(ledger)).toBeGreaterThanOrEqual(6000);
  });

  it('ignores an answer to anything but the latest claim', () => {
    const stop = one.allowance.wait(6000);
    const claim = one.allowance.claim('one', ledger.nextSeq());
    const grant = ledger.answer(claim);
    stop();
    one.speak(0, false);
    one.allowance.answer(claim.seq, grant as Grant, performance.now());
    expect(one.allowance.allowance).toBe(0);
  });

  it('notices that it has forgotten its own answers, and rebuilds', () => {
    one.speak(100);
    two.speak(100);
    const older = structuredClone(ledger.state) as LedgerState;
    ledger.pass(1000);
    one.speak(5000);
    one.spend(5000);
    ledger.pass(1000);
    one.speak();
    two.speak();
    // A failover to a copy of two heartbeats ago.
    ledger.state = older;
    ledger.pass(500);
    for (let i = 0; i < 4; i++) two.speak(9000);
    expect(two.allowance.allowance).toBeLessThan(5000);
    one.speak();
    for (let i = 0; i < 5; i++) {
      ledger.pass(1000);
      one.speak();
      two.speak(9000);
    }
    expect(one.allowance.settled + two.allowance.allowance).toBeLessThanOrEqual(10_000);
  });

  it('treats grants that workers had seen as spent after data loss, also of a dead worker', () => {
    for (const each of [one, two]) each.speak(100);
    for (let i = 0; i < 6; i++) {
      ledger.pass(500);
      one.speak(50);
      one.spend(50);
      two.speak(50);
    }
    // The first worker is killed right after a large grant, and then all data is lost.
    one.speak(4000);
    one.speak(4000);
    const dead = one.allowance.allowance;
    ledger.state = undefined;
    for (let i = 0; i < 6; i++) {
      ledger.pass(1000);
      two.speak(9000);
    }
    expect(two.allowance.allowance + dead).toBeLessThanOrEqual(10_000);
    expect(two.allowance.allowance).toBeGreaterThan(0);
  });

  it('grants nothing for three heartbeats after data loss, and recovers by the fourth', () => {
    one.speak(100);
    one.spend(100);
    one.speak();
    ledger.state = undefined;
    one.speak(3000);
    const before = one.allowance.allowance;
    expect(before).toBeLessThan(3000);
    ledger.pass(2900);
    one.speak(3000);
    expect(one.allowance.allowance).toBe(before);
    ledger.pass(100);
    one.speak(3000);
    expect(one.allowance.allowance).toBeGreaterThanOrEqual(3000);
  });

  it('counts in the next window what running calls of this one may still cost', () => {
    one.speak(6000);
    one.allowance.reserve(6000);
    ledger.pass(HOUR / 2 + 5000);
    // The second worker is the first to send a claim in the new window.
    two.speak(9000);
    expect(two.allowance.allowance).toBeLessThanOrEqual(4000);
    one.allowance.release(6000);
    one.allowance.settle(6000);
    one.speak();
    expect(one.allowance.settled).toBe(6000);
    expect(totalOf(ledger)).toBeLessThanOrEqual(10_000);
  });

  it('lets no worker begin a call between the end of a window and the certain begin of the next', () => {
    const stop = one.allowance.wait(500);
    const claim = one.allowance.claim('one', ledger.nextSeq());
    stop();
    const sentAt = performance.now();
    const grant = ledger.answer(claim);
    // The answer took two seconds.
    ledger.pass(2000);
    one.allowance.answer(claim.seq, grant as Grant, sentAt);
    const endsInMs = HOUR / 2 - 2000;
    vi.advanceTimersByTime(endsInMs * (1 - 0.001));
    expect(one.allowance.available(false)).toBeGreaterThan(0);
    vi.advanceTimersByTime(endsInMs * 0.001 + 1);
    expect(one.allowance.available(false)).toBe(0);
    // Calls that end in between count in both windows.
    one.allowance.settle(100);
    vi.advanceTimersByTime(4000);
    expect(one.allowance.window).toBe(grant?.window === undefined ? Number.NaN : grant.window + 1);
    expect(one.allowance.settled).toBe(100);
  });

  it('leaves an outage share of this window, and of the next one, but not of the one after', () => {
    ledger = new Ledger({ ...rules, outageShare: 0.05 });
    one = new Member(ledger, 'one');
    one.speak(100);
    one.speak(0);
    const normal = one.allowance.available(false);
    expect(one.allowance.available(true) - normal).toBeGreaterThanOrEqual(300);
    while (one.spend(50, true));
    ledger.pass(HOUR / 2 + 5000);
    expect(one.allowance.available(true)).toBeGreaterThanOrEqual(500);
    while (one.spend(50, true));
    ledger.pass(HOUR + 5000);
    expect(one.allowance.available(true)).toBe(0);
  });

  it('strands at most a chunk and the running calls when a worker is killed', () => {
    const large = new Ledger({ ...rules, limit: 1_000_000 });
    const dying = new Member(large, 'dying');
    const other = new Member(large, 'other');
    other.speak();
    for (let i = 0; i < 20; i++) {
      large.pass(1000);
      dying.speak(200);
      dying.spend(200);
      other.speak();
    }
    dying.speak();
    const stranded = dying.allowance.allowance - dying.allowance.settled;
    expect(stranded).toBeLessThanOrEqual(Math.max(0.005 * 1_000_000, 200));
  });

  it('frees a killed worker’s allowance after ten heartbeats, if configured', () => {
    const returning = new Ledger({ ...rules, lost: 'return' });
    const dying = new Member(returning, 'dying');
    const other = new Member(returning, 'other');
    dying.speak(8000);
    for (let i = 0; i < 9; i++) {
      returning.pass(1000);
      other.speak(5000);
    }
    expect(other.allowance.allowance).toBeLessThan(5000);
    returning.pass(2000);
    other.speak(5000);
    expect(other.allowance.allowance).toBeGreaterThanOrEqual(5000);
  });
});
