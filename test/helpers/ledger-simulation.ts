import { Allowance } from '../../src/redis/ledger/allowance.js';
import {
  answerClaim,
  type Claim,
  type Grant,
  type LedgerRules,
  type LedgerState,
  windowAt,
} from '../../src/redis/ledger/ledger.js';

/** The faults, and how often they occur. */
export interface LedgerFaults {
  readonly workers: number;
  readonly kills: number;
  readonly pauses: number;
  readonly flushes: number;
  /** The store returns to its state of this many heartbeats ago. */
  readonly failovers: number;
  /** Periods in which the store does not answer. */
  readonly outages: number;
  /** Shares of claims and answers that are lost, late by up to two heartbeats, or delivered twice. */
  readonly lost: number;
  readonly late: number;
  readonly doubled: number;
  /** Costs above the reservation, as a share of the calls; by at most half of the reservation. */
  readonly overruns: number;
}

export interface LedgerRun {
  /** Billed above the limit at its worst moment, in units. */
  readonly overspent: number;
  /**
   * The same for the amount that workers were allowed to spend, whether or not they did; only if the window does not
   * end.
   */
  readonly promised: number;
  /** The cost of calls above their reservations, in the worst window. */
  readonly overrun: number;
  readonly billed: number;
  readonly calls: number;
  readonly refused: number;
  readonly waited: number;
  readonly exchanges: number;
  /** Calls that were allowed while the store was down. */
  readonly duringOutage: number;
}

interface Running {
  readonly worker: SimulatedWorker;
  readonly reserved: number;
  readonly endsAt: number;
  readonly cost: number;
}

interface Bill {
  readonly window: number;
  readonly at: number;
  readonly amount: number;
  readonly overrun: number;
  readonly worker: SimulatedWorker;
}

interface SimulatedWorker {
  readonly id: string;
  readonly allowance: Allowance;
  isDead: boolean;
  pausedUntil: number;
  nextBeatAt: number;
  silentSince: number | undefined;
  requestedAt: number;
  readonly ends: (() => void)[];
}

interface Letter {
  readonly at: number;
  readonly deliver: () => void;
}

export interface LedgerSimulation {
  readonly rules: LedgerRules;
  readonly seconds: number;
  readonly callsPerSecond: number;
  /** Calls of each worker that come at once, halfway. @default 0 */
  readonly burst?: number;
  /** The longest that a call waits. @default 100 */
  readonly timeoutMs?: number;
  readonly most: number;
  readonly faults: LedgerFaults;
  readonly random: () => number;
  /** Advances `performance.now()`. */
  readonly advance: (ms: number) => void;
  /** The server's clock at the start. */
  readonly startAt: number;
}

const STEP_MS = 25;
const LATENCY_MS = 2;

/**
 * The whole ledger in virtual time: workers, messages that get lost, a store that loses data, and the provider's bill
 * as the measure.
 */
export function simulateLedger(options: LedgerSimulation): LedgerRun {
  const { rules, faults, random, advance, burst = 0, timeoutMs = 100 } = options;
  const { heartbeatMs, limit } = rules;
  const startedAt = performance.now();
  const now = () => performance.now();
  const server = () => Math.floor(options.startAt + performance.now() - startedAt);
  const durationMs = options.seconds * 1000;
  let state: LedgerState | undefined;
  let known = false;
  let epochs = 0;
  let snapshots: { at: number; state: LedgerState | undefined }[] = [];
  let downUntil = 0;
  /** The store has lost data, and no worker that remembers it has sent a claim yet. */
  let isForgetful = false;
  const letters: Letter[] = [];
  const running = new Set<Running>();
  const bills: Bill[] = [];
  let workers: SimulatedWorker[] = [];
  let made = 0;
  const run = {
    overspent: 0,
    promised: Number.NEGATIVE_INFINITY,
    overrun: 0,
    billed: 0,
    calls: 0,
    refused: 0,
    waited: 0,
    exchanges: 0,
    duringOutage: 0,
  };

  const addWorker = () => {
    made += 1;
    const allowance = new Allowance(rules.window);
    workers.push({
      id: `w${made}`,
      allowance,
      isDead: false,
      pausedUntil: 0,
      nextBeatAt: performance.now() + random() * heartbeatMs,
      silentSince: undefined,
      requestedAt: Number.NEGATIVE_INFINITY,
      ends: [],
    });
  };
  const planned = new Map<string, number[]>();
  const plan = (name: string, count: number, from = 0) => {
    const times = Array.from({ length: count }, () => startedAt + from + random() * (durationMs - from));
    planned.set(
      name,
      times.sort((a, b) => a - b),
    );
  };
  const isDue = (name: string) => {
    const times = planned.get(name) ?? [];
    if (isForgetful) return false;
    const due = (times[0] ?? Number.POSITIVE_INFINITY) <= performance.now();
    if (due) times.shift();
    return due;
  };
  plan('kill', faults.kills);
  plan('pause', faults.pauses);
  // A new fleet has nothing to lose, and looks the same as one that has lost everything.
  plan('flush', faults.flushes, 3 * heartbeatMs);
  plan('failover', faults.failovers, 4 * heartbeatMs);
  plan('outage', faults.outages);

  const serve = (claim: Claim): Grant | undefined => {
    epochs += 1;
    if (claim.epoch !== '') isForgetful = false;
    const answer = answerClaim(state, rules, claim, server(), `e${epochs}`, known);
    state = answer.state;
    known = true;
    return answer.grant;
  };

  const post = (deliver: () => void) => {
    const lateMs = random() < faults.late ? random() * 2 * heartbeatMs : LATENCY_MS;
    letters.push({ at: performance.now() + lateMs, deliver });
    if (random() < faults.doubled)
      letters.push({ at: performance.now() + lateMs + random() * 2 * heartbeatMs, deliver });
  };

  const exchange = (worker: SimulatedWorker, then: () => void = () => undefined, leaving = false) => {
    const claim = worker.allowance.claim(worker.id, run.exchanges + 1, leaving);
    const sentAt = performance.now();
    run.exchanges += 1;
    if (random() < faults.lost) return;
    post(() => {
      if (performance.now() < downUntil) return;
      const grant = serve(claim);
      if (grant === undefined || random() < faults.lost) return;
      post(() => {
        if (worker.isDead || performance.now() < worker.pausedUntil) return;
        worker.allowance.answer(claim.seq, grant, sentAt);
        worker.silentSince = undefined;
        then();
      });
    });
  };

  const request = (worker: SimulatedWorker) => {
    worker.requestedAt = now();
    const ends = worker.ends.splice(0);
    exchange(worker, () => {
      worker.requestedAt = Number.NEGATIVE_INFINITY;
      for (const end of ends) end();
      if (worker.ends.length > 0 && now() - worker.requestedAt > 100) request(worker);
    });
  };

  const begin = (worker: SimulatedWorker, reserved: number, until = performance.now() + timeoutMs, isRetry = false) => {
    const { allowance } = worker;
    if (worker.isDead || performance.now() < worker.pausedUntil) return;
    const isSilent = worker.silentSince !== undefined && performance.now() - worker.silentSince > 2.5 * heartbeatMs;
    if (allowance.available(isSilent) >= reserved) {
      run.calls += 1;
      if (performance.now() < downUntil) run.duringOutage += 1;
      allowance.reserve(reserved);
      const over = random() < faults.overruns ? 1 + random() / 2 : Math.min(1, 0.3 + random());
      const endsAt = performance.now() + random() ** 3 * 8000;
      running.add({ worker, reserved, endsAt, cost: Math.floor(reserved * over) });
      return;
    }
    if (
      isSilent ||
      performance.now() >= until ||
      (isRetry && allowance.isKnown && allowance.left + allowance.available(false) < reserved)
    ) {
      run.refused += 1;
      return;
    }
    if (!isRetry) run.waited += 1;
    const stop = allowance.wait(reserved);
    let isOver = false;
    const end = () => {
      stop();
      if (!isOver) begin(worker, reserved, until, true);
      isOver = true;
    };
    worker.ends.push(end);
    // Calls that find a running request join it, and the next request is for all of them.
    if (now() - worker.requestedAt > 100) request(worker);
    letters.push({ at: until, deliver: end });
  };

  const dropOldBills = () => {
    const at = server();
    const { window } = windowAt(rules.window, at);
    const isOld = (each: Bill) =>
      typeof rules.window === 'number' ? each.at <= at - rules.window : each.window !== window;
    while (bills[0] !== undefined && isOld(bills[0])) bills.shift();
  };

  /** The amount that all workers might spend now without a request, plus what dead ones have spent or left running. */
  const promised = () => {
    dropOldBills();
    let sum = 0;
    for (const { worker, amount } of bills) if (worker.isDead) sum += amount;
    for (const { worker, reserved } of running) if (worker.isDead) sum += reserved;
    for (const { allowance } of workers) sum += allowance.allowance;
    return sum;
  };

  const bill = (call: Running) => {
    const at = server();
    const { window } = windowAt(rules.window, at);
    bills.push({ window, at, amount: call.cost, overrun: Math.max(0, call.cost - call.reserved), worker: call.worker });
    run.billed += call.cost;
    dropOldBills();
    const sum = bills.reduce((total, { amount }) => total + amount, 0);
    run.overspent = Math.max(run.overspent, sum - limit);
    run.overrun = Math.max(
      run.overrun,
      bills.reduce((total, each) => total + each.overrun, 0),
    );
    const { worker } = call;
    // A dead process's requests are billed all the same; a stopped one learns of it later.
    if (worker.isDead) return;
    const settle = () => {
      worker.allowance.release(call.reserved);
      worker.allowance.settle(call.cost);
    };
    if (performance.now() < worker.pausedUntil) letters.push({ at: worker.pausedUntil, deliver: settle });
    else settle();
  };

  const call = (worker: SimulatedWorker) =>
    begin(worker, Math.ceil(options.most * (random() < 0.05 ? 5 : 0.2 + 0.8 * random())));

  for (let i = 0; i < faults.workers; i++) addWorker();
  const burstAt = burst > 0 ? startedAt + durationMs / 2 : Number.POSITIVE_INFINITY;
  while (performance.now() - startedAt < durationMs) {
    advance(STEP_MS);
    const pick = () => workers[Math.floor(random() * workers.length)];
    if (isDue('kill')) {
      const victim = pick();
      if (victim !== undefined) victim.isDead = true;
      workers = workers.filter(({ isDead }) => !isDead);
      addWorker();
    }
    if (isDue('pause')) {
      const victim = pick();
      if (victim !== undefined) victim.pausedUntil = now() + random() * 30_000;
    }
    // At least one worker must remember: a fleet cannot recover what only a dead worker knew.
    const isRemembered = workers.some(
      ({ allowance, pausedUntil }) => pausedUntil <= now() && now() - allowance.answeredAt < 2 * heartbeatMs,
    );
    if (isRemembered && now() >= downUntil && isDue('flush')) {
      state = undefined;
      known = false;
      isForgetful = true;
    }
    if (isRemembered && now() >= downUntil && isDue('failover')) {
      isForgetful = true;
      const older = snapshots.filter(({ at }) => at <= now() - 1.2 * heartbeatMs).at(-1);
      state = older?.state === undefined ? undefined : copyOf(older.state);
    }
    if (isDue('outage')) downUntil = now() + random() * 20_000;
    if (now() % heartbeatMs < STEP_MS) {
      snapshots = [...snapshots.slice(-4), { at: now(), state: state && copyOf(state) }];
    }
    const due = letters.filter(({ at }) => at <= now());
    for (const letter of due) {
      letters.splice(letters.indexOf(letter), 1);
      letter.deliver();
    }
    for (const call of running) {
      if (call.endsAt > now()) continue;
      running.delete(call);
      bill(call);
    }
    if (rules.window !== 'hour') run.promised = Math.max(run.promised, promised() - limit);
    for (const worker of workers) {
      if (now() < worker.pausedUntil) continue;
      if (now() >= worker.nextBeatAt && now() - worker.requestedAt > 100) {
        worker.nextBeatAt = now() + heartbeatMs;
        worker.silentSince ??= now();
        exchange(worker);
      }
      if (random() < (options.callsPerSecond * STEP_MS) / 1000 / workers.length) call(worker);
      if (now() >= burstAt && now() < burstAt + STEP_MS) for (let i = 0; i < burst; i++) call(worker);
    }
  }
  return run;
}

function copyOf(state: LedgerState): LedgerState {
  return { ...state, workers: new Map([...state.workers].map(([id, entry]) => [id, { ...entry }])) };
}
