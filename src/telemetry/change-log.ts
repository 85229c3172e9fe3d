import { shown } from '../util/shown.js';
import type { Events } from './events.js';
import type { Log } from './log.js';
import type { AttemptRecord, CallRecord } from './record-types.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** The limit of lines per minute of one kind about one subject, so that a flapping breaker fills no disk. */
const MOST_LINES = 5;
/** Model names come from outside, so their number is limited. */
const MAX_SUBJECTS = 1000;

interface Subject {
  until: number;
  lines: number;
  skipped: number;
}

/**
 * Writes one line at `warn` for each change of state, so that an application without listeners learns of a refused key.
 * The lines go to the router's own logger, because they concern all of its views.
 */
export class ChangeLog {
  /** Set when the router is assembled, and when its logger is replaced. */
  log: Log | undefined;
  readonly #subjects = new Map<string, Subject>();
  readonly #pausedUntil = new Map<string, number>();

  constructor(events: Events) {
    events.on('breaker-opened', ({ deployment, cooldownMs }) =>
      this.#write(
        `breaker ${deployment}`,
        () => `${shown(deployment)}: breaker open, it gets no calls for ${cooldownMs} ms`,
      ),
    );
    events.on('breaker-closed', ({ deployment }) =>
      this.#write(`breaker ${deployment}`, () => `${shown(deployment)}: breaker closed, it answers again`),
    );
    events.on('client-suspended', ({ client, forMs, status, code }) =>
      this.#write(
        `client ${client}`,
        () =>
          `client ${shown(client)} suspended for ${forMs} ms: its key was refused or its quota is used up (${words(status, code)})`,
      ),
    );
    events.on('client-resumed', ({ client }) =>
      this.#write(`client ${client}`, () => `client ${shown(client)} is back: it answers again`),
    );
    events.on('model-not-found', ({ deployment, model, nearest }) =>
      this.#write(
        `model ${deployment} ${model}`,
        () =>
          `${shown(deployment)}: the server knows no model ${model === null ? '' : JSON.stringify(shown(model))}` +
          (nearest === null ? '' : `; did you mean ${JSON.stringify(shown(nearest))}?`),
        { lines: 1, ms: HOUR },
      ),
    );
    events.on('deployment-paused', ({ deployment, forMs, status }) => this.#paused(deployment, forMs, status));
    events.on('sla-burning', ({ route, deployment, severity, burnRate }) => {
      const subject = route === undefined ? deployment : `route ${route}`;
      const pace = `its error budget burns ${burnRate} times too fast`;
      this.#write(`sla ${subject}`, () => `${shown(subject)}: ${pace} (${severity})`);
    });
    events.on('sla-recovered', ({ route, deployment, severity }) => {
      const subject = route === undefined ? deployment : `route ${route}`;
      this.#write(`sla ${subject}`, () => `${shown(subject)}: its error budget no longer burns too fast (${severity})`);
    });
  }

  /** The first failover of a route, then at most one an hour. */
  recorded({ route, attempts }: CallRecord): void {
    if (route === null || attempts.length < 2 || this.log?.warns !== true) return;
    const to = attempts.at(-1);
    const from = attempts.findLast((each) => each.deployment !== to?.deployment && hasFailed(each));
    if (to === undefined || from === undefined) return;
    this.#write(
      `failover ${route}`,
      () => {
        const reason = `${from.outcome}${from.status === null ? '' : ` ${from.status}`}`;
        return `route ${shown(route)}: failover from ${shown(from.deployment)} (${reason}) to ${shown(to.deployment)}`;
      },
      { lines: 1, ms: HOUR },
    );
  }

  warn(line: string): void {
    this.log?.warn(line);
  }

  /** Many answers may request the same pause; only the first is logged. */
  #paused(deployment: string, forMs: number, status: number | null): void {
    const now = performance.now();
    const isNews = now >= (this.#pausedUntil.get(deployment) ?? 0);
    this.#pausedUntil.set(deployment, Math.max(now + forMs, this.#pausedUntil.get(deployment) ?? 0));
    if (isNews)
      this.#write(
        `pause ${deployment}`,
        () => `${shown(deployment)} paused for ${forMs} ms, as its server requested (${status})`,
      );
  }

  /** `text` is called only if the line is written. */
  #write(key: string, text: () => string, most = { lines: MOST_LINES, ms: MINUTE }): void {
    const { log } = this;
    if (log?.warns !== true) return;
    const now = performance.now();
    const name = this.#subjects.has(key) || this.#subjects.size < MAX_SUBJECTS ? key : 'other';
    let subject = this.#subjects.get(name);
    if (subject === undefined) {
      subject = { until: 0, lines: 0, skipped: 0 };
      this.#subjects.set(name, subject);
    }
    if (now >= subject.until) Object.assign(subject, { until: now + most.ms, lines: 0 });
    if (subject.lines >= most.lines) {
      subject.skipped++;
      return;
    }
    const more = subject.skipped === 0 ? '' : ` (${subject.skipped} such lines before it were skipped)`;
    subject.lines++;
    subject.skipped = 0;
    log.warn(`${text()}${more}`);
  }
}

function hasFailed({ outcome }: AttemptRecord): boolean {
  return outcome !== 'success' && outcome !== 'pending' && outcome !== 'lost';
}

function words(status: number | null, code: string | null): string {
  return [status, code === null ? null : shown(code)].filter((each) => each !== null).join(' ') || 'no status';
}
