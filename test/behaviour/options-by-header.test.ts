import { callOptions, callRecord, InvalidOptionError } from 'model-router';
import { answer, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const routes = { standard: ['a'], premium: ['b'] };
const models = { a: answer(), b: answer() };

/** Checks when a hanging call ends. */
async function overAt(ms: number, ...call: Parameters<typeof sendChat>): Promise<void> {
  const watched = watch(sendChat(...call));
  await pass(ms - 1);
  expect(watched.state).toBe('pending');
  await pass(1);
  expect(watched).toMatchObject({ state: 'rejected', error: { code: 'deadline_exceeded', deadlineMs: ms } });
}

describe('X-Request-Priority', () => {
  it.each(['premium', 'high'])('%s is premium, and is sent as `high`', async (value) => {
    const { router, fake } = build(models, { routes });
    const completion = await sendChat(router, 'auto', { headers: { 'X-Request-Priority': value } });
    expect(callRecord(completion)).toMatchObject({ priority: 'premium', route: 'premium' });
    expect(fake.requests).toMatchObject([{ model: 'b', headers: { 'x-request-priority': 'high' } }]);
  });

  it('standard is not sent upstream', async () => {
    const { router, fake } = build(models, { routes, priority: 'premium' });
    const completion = await sendChat(router, 'auto', { headers: { 'x-request-priority': 'standard' } });
    expect(callRecord(completion)?.priority).toBe('standard');
    expect(fake.requests[0]?.headers).not.toHaveProperty('x-request-priority');
  });

  it('never overrides the priority that code set for the call', async () => {
    const { router, calledModels } = build(models, { routes });
    const headers = { 'X-Request-Priority': 'premium' };
    await sendChat(router, 'auto', { ...callOptions({ priority: 'standard' }), headers });
    expect(calledModels()).toEqual(['a']);
  });

  it('is checked like the option', async () => {
    const { router, fake } = build(models, { routes });
    const error = await errorOf(sendChat(router, 'auto', { headers: { 'X-Request-Priority': 'urgent' } }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe('priority: "urgent" is not allowed; give one of "standard", "premium".');
    expect(fake.count).toBe(0);
  });
});

describe('X-Router-Deadline-Ms', () => {
  const headers = { 'X-Router-Deadline-Ms': '500' };

  it('shortens the default', async () => {
    const { router } = build({ a: hang() });
    await overAt(500, router, 'standard', { headers });
  });

  it.each([
    ['the constructor', { deadlineMs: 400 }, undefined],
    ['the call', {}, { deadlineMs: 400 }],
  ])('does not lengthen the deadline of %s', async (_, settings, own) => {
    const { router } = build({ a: hang() }, settings);
    await overAt(400, router, 'standard', { ...(own && callOptions(own)), headers });
  });

  it('shortens even the deadline that code set for the call', async () => {
    const { router } = build({ a: hang() });
    await overAt(500, router, 'standard', { ...callOptions({ deadlineMs: 900 }), headers });
  });

  it.each(['soon', '0', '-5', 'NaN', '', '3000000000'])('%j is refused with its name and value', async (value) => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(sendChat(router, 'standard', { headers: { 'X-Router-Deadline-Ms': value } }));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain('X-Router-Deadline-Ms: ');
    expect(error.message).toContain(value);
    expect(error.message).toContain('is not allowed; give milliseconds above 0, such as 2000.');
    expect(fake.count).toBe(0);
  });
});

describe('headerOptions', () => {
  it('X-Router-Route is ignored by default', async () => {
    const { router, calledModels } = build(models, { routes });
    await sendChat(router, 'standard', { headers: { 'X-Router-Route': 'premium' } });
    expect(calledModels()).toEqual(['a']);
  });

  it('X-Router-Route applies if it is listed, and code overrides it', async () => {
    const { router, calledModels } = build(models, { routes, headerOptions: ['route'] });
    const headers = { 'X-Router-Route': 'premium' };
    await sendChat(router, 'standard', { headers });
    await sendChat(router, 'standard', { headers, ...callOptions({ route: 'standard' }) });
    expect(calledModels()).toEqual(['b', 'a']);
  });

  it('a route by header must exist', async () => {
    const { router } = build(models, { routes, headerOptions: ['route'] });
    const error = await errorOf(sendChat(router, 'standard', { headers: { 'X-Router-Route': 'premum' } }));
    expect(error.message).toBe('route: there is no route "premum"; the nearest: "premium".');
  });

  it('headers that are not listed are no options: a priority goes upstream like any header, a deadline is dropped', async () => {
    const { router, fake } = build({ a: answer({ latencyMs: 50 }) }, { headerOptions: [] });
    const headers = { 'X-Request-Priority': 'urgent', 'X-Router-Deadline-Ms': '10' };
    const call = watch(sendChat(router, 'standard', { headers }));
    await pass(50);
    expect(call.state).toBe('fulfilled');
    expect(fake.requests[0]?.headers).toMatchObject({ 'x-request-priority': 'urgent' });
  });
});

it('X-Router-* never leaves the process, known or unknown, from the call or the router', async () => {
  const { router, fake } = build(models, { routes, defaultHeaders: { 'X-Router-Team': 'blue', 'x-team': 'blue' } });
  await sendChat(router, 'standard', {
    headers: { 'X-Router-Deadline-Ms': '500', 'X-Router-Cache': 'no-store', 'x-router-anything': '1', 'x-mine': '2' },
  });
  const { headers = {} } = fake.requests[0] ?? {};
  expect(Object.keys(headers).filter((name) => name.startsWith('x-router'))).toEqual([]);
  expect(headers).toMatchObject({ 'x-mine': '2', 'x-team': 'blue' });
});

it('a header on a view applies to each of its calls', async () => {
  const { router, calledModels } = build(models, { routes });
  await sendChat(router.withOptions({ defaultHeaders: { 'X-Request-Priority': 'high' } }), 'auto');
  await sendChat(router, 'auto');
  expect(calledModels()).toEqual(['b', 'a']);
});
