import type { Behaviour } from './behaviours.js';
import { answer } from './constructors.js';
import type { RecordedRequest } from './recorder.js';

/** Chooses a behaviour; `n` counts this script's requests from 0. */
export type Choose = (request: RecordedRequest, n: number) => Behaviour;

/** What a model does: always the same, one after the other (the last one repeats), or what a function says. */
export type Script = Behaviour | Choose | readonly (Behaviour | Choose)[];

/** By name; a list of names is models that all answer. */
export type Models = Readonly<Record<string, Script>> | readonly string[];

/** One script as it runs. */
export class RunningScript {
  readonly #steps: readonly (Behaviour | Choose)[];
  #calls = 0;

  /** @throws TypeError for an empty list */
  constructor(script: Script) {
    this.#steps = isList(script) ? script : [script];
    if (this.#steps.length === 0) throw new TypeError('A script needs at least one behaviour, got an empty list');
  }

  next(request: RecordedRequest): Behaviour {
    const n = this.#calls;
    this.#calls += 1;
    const step = this.#steps[Math.min(n, this.#steps.length - 1)] ?? answer();
    return typeof step === 'function' ? step(request, n) : step;
  }
}

/** The scripts of all models, and of what names none. */
export class ScriptBook {
  readonly #models = new Map<string, RunningScript>();
  readonly #unknown: RunningScript | undefined;
  #withoutModel: RunningScript;

  constructor(models: Models, unknownModels: 'refuse' | 'answer' | Script, withoutModel: Script) {
    const scripts = isNames(models) ? models.map((name): [string, Script] => [name, answer()]) : Object.entries(models);
    for (const [name, script] of scripts) this.set(name, script);
    const unknown = unknownModels === 'answer' ? answer() : unknownModels;
    this.#unknown = unknown === 'refuse' ? undefined : new RunningScript(unknown);
    this.#withoutModel = new RunningScript(withoutModel);
  }

  get names(): string[] {
    return [...this.#models.keys()];
  }

  has(model: string): boolean {
    return this.#models.has(model);
  }

  /** A script from the next request on; it starts at its beginning. Without a model, for what names none. */
  set(model: string | undefined, script: Script): void {
    const running = new RunningScript(script);
    if (model === undefined) this.#withoutModel = running;
    else this.#models.set(model, running);
  }

  delete(model: string): boolean {
    return this.#models.delete(model);
  }

  /** Nothing for a model that is not served. */
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
