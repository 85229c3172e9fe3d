import type { CacheTotals } from './call/cache/response-cache.js';
import type { AbTable, Exposure } from './experiments/ab-table.js';
import type { FleetState } from './fleet-host.js';
import { BackgroundCalls } from './state/background-calls.js';
import { Capacity } from './state/capacity.js';
import type { FleetLink } from './state/fleet.js';
import type { ResponseStore } from './state/memory-store.js';
import { SpendTable } from './state/spend-table.js';
import { StateKeeper } from './state/state-keeper.js';
import { StoredIds } from './state/stored-ids.js';
import { ChangeLog } from './telemetry/change-log.js';
import { Channels } from './telemetry/channels.js';
import { Events } from './telemetry/events.js';
import type { AttemptRecord } from './telemetry/record-types.js';
import { Tracing } from './telemetry/tracing.js';
import { AbortSource } from './util/abort-source.js';
import { SignalHubs } from './util/signal-hub.js';

/** How many ids of stored objects are remembered, each with the client that created it. */
const STORED_IDS = 10_000;

/** The parts of a router that survive a change of its configuration. */
export interface RouterLife {
  readonly events: Events;
  /** Logs changes of state at `warn`. */
  readonly changes: ChangeLog;
  /** The state that survives restarts. */
  readonly keeper: StateKeeper;
  /** Observes calls and attempts for OpenTelemetry. */
  readonly tracing: Tracing;
  readonly channels: Channels;
  /** Which client created each stored object. */
  readonly storedBy: StoredIds;
  /** The slots of deployments and clients with limits, and the calls that wait for a slot. */
  readonly capacity: Capacity;
  /**
   * The variant of each call on a weighted route, keyed by its attempts, because a joined call's record takes over
   * another's.
   */
  readonly exposures: WeakMap<readonly AttemptRecord[], { readonly table: AbTable; readonly exposure: Exposure }>;
  readonly cacheTotals: CacheTotals;
  readonly spendTable: SpendTable;
  /** Background responses that are not yet billed. */
  readonly background: BackgroundCalls;
  /** Signals of callers, each with one listener. */
  readonly signals: SignalHubs;
  readonly closing: AbortSource;
  closed: boolean;
  store: ResponseStore | undefined;
  /**
   * Ids are counted, with a prefix that is unique across routers and processes. It is drawn with the first call,
   * because Workers allow no random values at module scope.
   */
  idPrefix: string | undefined;
  calls: number;
  accounts: number;
  fleet: FleetLink | undefined;
  /** The current configuration, for the fleet. */
  current: FleetState | undefined;
}

export function newLife(): RouterLife {
  const events = new Events();
  const changes = new ChangeLog(events);
  return {
    events,
    changes,
    tracing: new Tracing(),
    channels: new Channels(),
    keeper: new StateKeeper((line) => changes.warn(line)),
    storedBy: new StoredIds(STORED_IDS),
    capacity: new Capacity(),
    exposures: new WeakMap(),
    cacheTotals: { hits: 0, misses: 0, joined: 0, stale: 0, savedUsd: 0, savedTokens: 0 },
    spendTable: new SpendTable(),
    background: new BackgroundCalls(),
    signals: new SignalHubs(),
    closing: new AbortSource(),
    closed: false,
    store: undefined,
    idPrefix: undefined,
    calls: 0,
    accounts: 0,
    fleet: undefined,
    current: undefined,
  };
}
