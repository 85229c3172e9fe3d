import type { Capacity } from './state/capacity.js';
import type { ClientState, DeploymentState } from './state/deployment-state.js';
import type { Fleet, FleetFact, FleetLink } from './state/fleet.js';
import type { Events } from './telemetry/events.js';

/** The current configuration, which the fleet's facts refer to. */
export interface FleetState {
  readonly cooldownMs: number;
  readonly states: ReadonlyMap<string, DeploymentState>;
  readonly clients: ReadonlyMap<string, ClientState>;
}

export interface FleetParts {
  readonly random: () => number;
  readonly current: () => FleetState;
  readonly capacity: Capacity;
  readonly events: Events;
  readonly warn: (line: string) => void;
}

/** Connects a router to its fleet: rates, and facts about deployments and clients. */
export function connectFleet(fleet: Fleet, { random, current, capacity, events, warn }: FleetParts): FleetLink {
  const link = fleet.connect({
    random,
    warn,
    facts: () => factsOf(current()),
    onFacts: (facts, ended) => apply(facts, ended, current()),
    onRates: () => capacity.onRates(),
  });
  for (const type of ['deployment-paused', 'client-suspended', 'breaker-opened'] as const)
    events.on(type, () => link.nudge());
  return link;
}

function factsOf({ states, clients, cooldownMs }: FleetState): FleetFact[] {
  const now = performance.now();
  const facts: FleetFact[] = [];
  for (const [id, { pausedUntil, breaker }] of states) {
    if (pausedUntil > now) facts.push({ kind: 'pause', id, forMs: pausedUntil - now });
    const openFor = (breaker?.openedAt ?? Number.NEGATIVE_INFINITY) + cooldownMs - now;
    if (breaker?.state !== 'closed' && openFor > 0) facts.push({ kind: 'breaker', id, forMs: openFor });
  }
  for (const [id, { suspendedUntil }] of clients)
    if (suspendedUntil > now) facts.push({ kind: 'suspended', id, forMs: suspendedUntil - now });
  return facts;
}

/**
 * Applies facts from other processes; the longest pause wins. An open breaker elsewhere is only a hint: one process
 * without a network must not stop the others.
 */
function apply(facts: readonly FleetFact[], ended: readonly FleetFact[], { states, clients }: FleetState): void {
  const now = performance.now();
  for (const { kind, id, forMs } of facts) {
    if (kind === 'suspended') {
      const client = clients.get(id);
      if (client !== undefined && client.suspendedUntil < now + forMs) {
        client.suspendedUntil = now + forMs;
        client.suspendedAt ??= now;
      }
    } else if (kind === 'pause') {
      states.get(id)?.pauseElsewhere(now + forMs);
    } else {
      states.get(id)?.breaker?.suspect(forMs);
    }
  }
  for (const { kind, id, forMs } of ended) if (kind === 'pause') states.get(id)?.resumeElsewhere(now + forMs);
}
