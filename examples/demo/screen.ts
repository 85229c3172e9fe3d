// The demo's output: a dashboard that is redrawn in place, or plain lines without a terminal.
import { styleText } from 'node:util';
import type { Snapshot } from 'model-router';
import type { Tally } from './tally.ts';

export interface View {
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly phase: string;
  readonly snapshot: Snapshot;
  readonly router: Tally;
  readonly plain: Tally;
}

export interface Screen {
  /** An event; `isNews` if it deserves a line of its own. */
  report(elapsedMs: number, text: string, isNews: boolean): void;
  /** Called several times a second. */
  show(view: View): void;
  /** Restores the terminal. */
  close(): void;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1).padStart(5)} s`;
const summary = ({ answered, failed, halves, waiting }: Tally) =>
  `${answered} answered, ${failed} failed, ${halves} cut unseen, ${waiting} waiting`;

/** One line for each piece of news, and a summary every 2 seconds. */
export class PlainScreen implements Screen {
  #shownAt = 0;

  report(elapsedMs: number, text: string, isNews: boolean): void {
    if (isNews) console.log(`${seconds(elapsedMs)}  ${text}`);
  }

  show({ elapsedMs, router, plain }: View): void {
    if (elapsedMs - this.#shownAt < 2000) return;
    this.#shownAt = elapsedMs;
    console.log(`${seconds(elapsedMs)}    router: ${summary(router)} | plain: ${summary(plain)}`);
  }

  close(): void {}
}

/** A piece of text and its style. */
type Piece = readonly [text: string, style?: Parameters<typeof styleText>[0]];

const EVENTS = 8;
const STATES = { closed: 'green', open: 'red', halfOpen: 'yellow' } as const;

export class LiveScreen implements Screen {
  readonly #events: Piece[][] = [];
  #height = 0;
  readonly #onResize = () => {
    this.#height = 0;
    process.stdout.write('\x1b[2J\x1b[H');
  };

  constructor() {
    process.stdout.write('\x1b[?25l');
    process.stdout.on('resize', this.#onResize);
    // Whatever happens, the cursor comes back.
    process.once('exit', showCursor);
  }

  report(elapsedMs: number, text: string, isNews: boolean): void {
    this.#events.push([[`${seconds(elapsedMs)}  `, 'dim'], isNews ? [text, 'bold'] : [text]]);
    if (this.#events.length > EVENTS) this.#events.shift();
  }

  show(view: View): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = this.#lines(view).slice(0, rows - 1);
    const drawn = lines.map((line) => `\x1b[2K${clip(line, columns)}\n`).join('');
    process.stdout.write(`${this.#height > 0 ? `\x1b[${this.#height}A` : ''}${drawn}`);
    this.#height = lines.length;
  }

  close(): void {
    process.stdout.off('resize', this.#onResize);
    process.off('exit', showCursor);
    showCursor();
  }

  #lines({ elapsedMs, totalMs, phase, snapshot, router, plain }: View): Piece[][] {
    const models = Object.entries(snapshot.deployments).map(
      ([id, { state, requests, failures, inFlight, latencyMs }]) => [
        [id.padEnd(31)] as const,
        [state.padEnd(9), STATES[state]] as const,
        [`${requests}`.padStart(8)] as const,
        [`${failures}`.padStart(8), failures > 0 ? 'red' : 'dim'] as const,
        [`${inFlight}`.padStart(10)] as const,
        [ms(latencyMs.p50).padStart(9)] as const,
        [ms(latencyMs.p99).padStart(9)] as const,
      ],
    );
    const bar = Math.round(Math.min(1, elapsedMs / totalMs) * 24);
    return [
      [
        [seconds(elapsedMs), 'bold'],
        [`  ${'#'.repeat(bar)}${'.'.repeat(24 - bar)}  `, 'dim'],
        [phase, 'bold'],
      ],
      [],
      [[`${'model'.padEnd(31)}breaker  requests  failed in flight      p50      p99`, 'dim']],
      ...models,
      [],
      [['model-router  ', 'bold'], [summary(router)]],
      [['plain client  '], [summary(plain)]],
      [],
      ...Array.from({ length: EVENTS }, (_, i) => this.#events[i] ?? []),
    ];
  }
}

const ms = (time: number | null) => (time === null ? '-' : `${time.toFixed(0)} ms`);
const showCursor = () => process.stdout.write('\x1b[?25h');

/** A wrapped line would leave its rest on the screen at the next drawing, so it is cut at the edge. */
function clip(pieces: readonly Piece[], columns: number): string {
  let left = columns;
  return pieces
    .map(([text, style]) => {
      const cut = text.slice(0, left);
      left -= cut.length;
      // Without a terminal or with NO_COLOR it does not change the text.
      return style === undefined || cut === '' ? cut : styleText(style, cut);
    })
    .join('');
}
