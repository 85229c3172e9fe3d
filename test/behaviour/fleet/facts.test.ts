import { memoryFleetStore } from 'model-router/redis';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { fleetOf, type Member, watchedStore } from '../../helpers/fleets.js';
import { sendChat } from '../../helpers/messages.js';

useFakeTime();

const busy = (seconds: number) => fail(429, { headers: { 'retry-after': String(seconds) } });
const call = (member: Member | undefined) => settled(sendChat((member as Member).router));
const stateOf = (member: Member | undefined, id = 'a') => (member as Member).router.snapshot().deployments[id];
const isPaused = (member: Member | undefined) => typeof stateOf(member)?.pausedUntil === 'string';

describe('what processes of a fleet share about deployments', () => {
  it('pauses a deployment in all processes within 1.2 s, for as long as its server requested', async () => {
    const store = memoryFleetStore();
    const [one] = fleetOf(1, store, {}, {}, busy(20));
    const [two] = fleetOf(1, store);
    await call(two);
    await pass(500);
    await call(one);
    await pass(1200);
    expect(isPaused(two)).toBe(true);
    await pass(19_000);
    expect(isPaused(two)).toBe(false);
  });

  it('ends a pause in all processes when the server answers one of them', async () => {
    const store = memoryFleetStore();
    let refuses = true;
    const script = () => (refuses ? busy(50) : answer());
    const [one, two] = fleetOf(2, store, {}, {}, script as never);
    await call(one);
    await pass(2100);
    await call(two);
    await pass(1000);
    expect(isPaused(one)).toBe(true);
    refuses = false;
    await call(one);
    expect(isPaused(one)).toBe(false);
    await pass(3000);
    expect(isPaused(one)).toBe(false);
    expect(isPaused(two)).toBe(false);
  });

  it('suspends a client whose key is refused, in all processes', async () => {
    const store = memoryFleetStore();
    const [one] = fleetOf(1, store, {}, {}, fail(401));
    const [two] = fleetOf(1, store);
    await call(two);
    await call(one);
    await pass(2100);
    expect(stateOf(two)?.suspendedUntil).toEqual(expect.any(String));
  });

  it('treats an open breaker of another process as a hint: one failure opens it, a success clears it', async () => {
    const store = memoryFleetStore();
    let twoFails = false;
    const breaker = { failures: 3, windowMs: 10_000, minRate: 0.5, cooldownMs: 30_000 };
    const [one] = fleetOf(1, store, { breaker }, {}, fail(500));
    const [two, three] = fleetOf(2, store, { breaker }, {}, (() => (twoFails ? fail(500) : answer())) as never);
    for (const each of [two, three]) await call(each);
    for (let i = 0; i < 3; i++) await call(one);
    expect(stateOf(one)?.state).toBe('open');
    await pass(2100);
    // Only a hint: a working deployment continues to work.
    expect(stateOf(two)?.state).toBe('closed');
    expect(stateOf(three)?.state).toBe('closed');
    twoFails = true;
    await call(two);
    expect(stateOf(two)?.state).toBe('open');
  });

  it('shares nothing that the options turn off', async () => {
    const store = memoryFleetStore();
    const share = { pauses: false };
    const [one] = fleetOf(1, store, {}, { share }, busy(20));
    const [two] = fleetOf(1, store, {}, { share });
    await call(two);
    await call(one);
    await pass(3000);
    expect(isPaused(two)).toBe(false);
  });
});

describe('rates of a fleet', () => {
  const rated = { deployments: { a: { rpm: 240 } }, budgets: [] };
  const startedIn = async (members: readonly Member[], ms: number) => {
    const before = members.reduce((sum, { fake }) => sum + fake.requests.length, 0);
    await pass(ms);
    return members.reduce((sum, { fake }) => sum + fake.requests.length, 0) - before;
  };

  it('limit all processes together', async () => {
    const members = fleetOf(4, memoryFleetStore(), rated, {}, answer());
    for (const { router } of members) for (let i = 0; i < 300; i++) void sendChat(router).catch(() => undefined);
    const first = await startedIn(members, 10_000);
    // At most a minute's worth at once.
    expect(first).toBeLessThanOrEqual(240);
    const later = await startedIn(members, 60_000);
    expect(later).toBeLessThanOrEqual(250);
    expect(later).toBeGreaterThanOrEqual(180);
    for (const { router } of members) await router.close();
  });

  it('go to the process that needs them', async () => {
    const members = fleetOf(4, memoryFleetStore(), rated, {}, answer());
    for (const { router } of members) await settled(sendChat(router));
    await pass(5000);
    const [busy] = members;
    for (let i = 0; i < 600; i++) void sendChat((busy as Member).router).catch(() => undefined);
    await pass(20_000);
    expect(await startedIn(members, 60_000)).toBeGreaterThanOrEqual(150);
    for (const { router } of members) await router.close();
  });

  it('are divided evenly among the known processes while Redis is down', async () => {
    const store = watchedStore();
    const members = fleetOf(4, store, rated, {}, answer());
    for (const { router } of members) await settled(sendChat(router));
    await pass(5000);
    store.isDown = true;
    await pass(8000);
    const [busy] = members;
    for (let i = 0; i < 300; i++) void sendChat((busy as Member).router).catch(() => undefined);
    await pass(20_000);
    const started = await startedIn(members, 60_000);
    expect(started).toBeGreaterThanOrEqual(55);
    expect(started).toBeLessThanOrEqual(65);
    for (const { router } of members) await router.close();
  });
});
