import type { Behaviour } from './behaviours.js';
import * as constructors from './constructors.js';
import { isObject } from './json.js';
import type { RecordedRequest } from './recorder.js';

/** Chooses a behaviour; `n` counts this script's requests from 0. */
export type Choose = (request: RecordedRequest, n: number) => Behaviour;

/** A model's behaviour: always the same, one after the other (the last one repeats), or chosen by a function. */
export type Script = Behaviour | Choose | readonly (Behaviour | Choose)[];

/** By name; a list of names means models that all answer. */
export type Models = Readonly<Record<string, Script>> | readonly string[];

/** By identity: a constructor without its parentheses would be called as a choosing function. */
const CONSTRUCTORS: ReadonlyMap<unknown, string> = new Map(
  Object.entries(constructors).map(([name, make]) => [make, name]),
);

const TYPES: ReadonlySet<string> = new Set(
  Object.keys({
    answer: true,
    fail: true,
    hang: true,
    reset: true,
    'break-off': true,
    stall: true,
    'leave-out': true,
    'error-event': true,
    malformed: true,
    'wrong-type': true,
    'invalid-utf8': true,
    'slow-drip': true,
    'comment-flood': true,
    empty: true,
    bytes: true,
  } satisfies Record<Behaviour['type'], true>),
);

/** Why a value is not a script, in words; `undefined` for a script. */
export function whyNoScript(script: unknown): string | undefined {
  const steps: readonly unknown[] = Array.isArray(script) ? script : [script];
  if (steps.length === 0) return 'A script needs at least one behaviour, got an empty list';
  for (const step of steps) {
    const name = CONSTRUCTORS.get(step);
    if (name !== undefined) return `A script needs behaviours: ${name} must be called, ${name}(…)`;
    if (typeof step !== 'function' && !isBehaviour(step)) return `${NEEDS}, got ${shown(step)}`;
  }
  return undefined;
}

const NEEDS = "A script needs behaviours such as answer('Hello') or fail(503)";

function isBehaviour(step: unknown): step is Behaviour {
  return isObject(step) && typeof step.type === 'string' && TYPES.has(step.type);
}

function shown(step: unknown): string {
  if (isObject(step)) return 'type' in step ? `the type ${JSON.stringify(step.type)}` : 'an object without a type';
  return typeof step === 'string' ? JSON.stringify(step.slice(0, 80)) : String(step);
}

/** A running script. */
export class RunningScript {
  readonly #steps: readonly (Behaviour | Choose)[];
  #calls = 0;

  /** @throws TypeError if it is not a script */
  constructor(script: Script) {
    const why = whyNoScript(script);
    if (why !== undefined) throw new TypeError(why);
    this.#steps = isList(script) ? script : [script];
  }

  next(request: RecordedRequest): Behaviour {
    const n = this.#calls;
    this.#calls += 1;
    const step = this.#steps[Math.min(n, this.#steps.length - 1)] ?? constructors.answer();
    if (typeof step !== 'function') return step;
    const chosen: unknown = step(request, n);
    if (!isBehaviour(chosen)) throw new TypeError(`${NEEDS}, got ${shown(chosen)} of a function`);
    return chosen;
  }
}

/** The scripts of all models, and for requests without a model. */
export class ScriptBook {
  readonly #models = new Map<string, RunningScript>();
  readonly #unknown: RunningScript | undefined;
  #withoutModel: RunningScript;

  constructor(models: Models, unknownModels: 'refuse' | 'answer' | Script, withoutModel: Script) {
    const scripts = isNames(models)
      ? models.map((name): [string, Script] => [name, constructors.answer()])
      : Object.entries(models);
    for (const [name, script] of scripts) this.set(name, script);
    const unknown = unknownModels === 'answer' ? constructors.answer() : unknownModels;
    this.#unknown = unknown === 'refuse' ? undefined : new RunningScript(unknown);
    this.#withoutModel = new RunningScript(withoutModel);
  }

  get names(): string[] {
    return [...this.#models.keys()];
  }

  has(model: string): boolean {
    return this.#models.has(model);
  }

  /** Sets a script from the next request on; it starts at its beginning. Without a model, for requests without one. */
  set(model: string | undefined, script: Script): void {
    const running = new RunningScript(script);
    if (model === undefined) this.#withoutModel = running;
    else this.#models.set(model, running);
  }

  delete(model: string): boolean {
    return this.#models.delete(model);
  }

  /** Undefined for a model that is not served. */
  of(model: string | undefined): RunningScript | undefined {
    return model === undefined ? this.#withoutModel : (this.#models.get(model) ?? this.#unknown);
  }
}

function isList(script: Script): script is readonly (Behaviour | Choose)[] {
  return Array.isArray(script);
}

function isNames(models: Models): models is readonly string[] {
  return Array.isArray(models);
}
