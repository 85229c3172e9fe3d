import { describe, expect, it } from 'vitest';
import { type PlanView, plan, planHedge } from '../../../src/plan/plan.js';
import { failed, type TestTarget, targetView, viewOf } from '../../helpers/plan-views.js';

/** How often a plan for this many deployments reads any of their properties. */
function readsOf(
  size: number,
  more: Partial<TestTarget>,
  view: (targets: TestTarget[]) => Partial<PlanView> = () => ({}),
  step: (view: PlanView) => unknown = plan,
): number {
  let reads = 0;
  const counting: ProxyHandler<TestTarget> = {
    get(target, key) {
      reads += 1;
      return Reflect.get(target, key);
    },
  };
  const targets = Array.from({ length: size }, () => targetView(more));
  const given = viewOf(
    targets.map((each) => new Proxy(each, counting)),
    view(targets),
  );
  step(given);
  return reads;
}

describe('a plan for a thousand deployments reads as few as one for a hundred', () => {
  const oneFailed = (targets: TestTarget[]) => ({ failures: [failed(targets[0] ?? targetView())] });

  it.each<[string, Partial<TestTarget>, ((targets: TestTarget[]) => Partial<PlanView>)?]>([
    ['with the default deadline', {}, () => ({ deadlineIsDefault: true })],
    ['with a deadline and no statistics', {}],
    ['with statistics of all', { p95Ms: 900, fastestMs: 100 }],
    ['if none fits the reserve', { fastestMs: 9000 }],
    ['if none fits the reserve, with statistics of all', { fastestMs: 9000, p95Ms: 9500 }],
    ['after a failure', {}, oneFailed],
  ])('%s', (_, more, view) => {
    const hundred = readsOf(100, more, view);
    expect(readsOf(1000, more, view)).toBe(hundred);
    expect(hundred).toBeLessThan(400);
  });

  it('for a hedge', () => {
    const hedge = (size: number) =>
      readsOf(size, {}, (targets) => ({ inFlight: [(targets[0] ?? targetView()).target] }), planHedge);
    expect(hedge(1000)).toBe(hedge(100));
  });
});

describe('a plan that must read all deployments reads each a few times', () => {
  it.each<[string, Partial<TestTarget>, ((targets: TestTarget[]) => Partial<PlanView>)?]>([
    ['all are paused', { pausedUntil: 20_000 }],
    ['all breakers are open', { isOpen: true, retryAt: 5000 }],
    ['all are full', { isFull: true }],
    [
      'the last one has reported that the input is too long',
      { contextWindow: 4000 },
      (targets) => ({ failures: [failed(targets.at(-1) ?? targetView(), 'context-length')] }),
    ],
  ])('%s', (_, more, view) => {
    expect(readsOf(1000, more, view)).toBeLessThan(1000 * 40);
    expect(readsOf(1000, more, view) / readsOf(100, more, view)).toBeLessThan(11);
  });
});

it('the reserve for a deployment without statistics assumes the slowest known p95', () => {
  const targets = [
    targetView({ p95Ms: 1000, fastestMs: 100 }),
    targetView(),
    targetView({ p95Ms: 4000, fastestMs: 100 }),
  ];
  expect(plan(viewOf(targets))).toMatchObject({ timeoutMs: 10_000 - 1.2 * 4000 });
});

it('a full deployment that had too small a window still rules out windows that are no larger', () => {
  const small = targetView({ contextWindow: 4000, isFull: true });
  const next = targetView({ contextWindow: 8000 });
  const step = plan(
    viewOf([small, targetView({ contextWindow: 4000 }), next], { failures: [failed(small, 'context-length')] }),
  );
  expect(step).toMatchObject({ type: 'attempt', target: next.target });
});
