import { callRecord, InvalidOptionError } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { errorOf, messages, sendChat, sendChatWith } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

const models = { a: answer(), b: answer(), c: answer() };

describe('the name of a route', () => {
  it('goes to its first deployment, under the upstream name of its model', async () => {
    const { router, calledModels } = build(
      { 'vendor/model': answer(), b: answer() },
      { deployments: { a: { model: 'vendor/model' }, b: {} }, routes: { standard: ['a', 'b'] } },
    );
    const completion = await sendChat(router, 'standard');
    expect(calledModels()).toEqual(['vendor/model']);
    expect(callRecord(completion)).toMatchObject({
      route: 'standard',
      requestedModel: 'standard',
      deployment: 'a',
      servedModel: 'vendor/model',
    });
  });

  it('fails over in its listed order', async () => {
    const { router, calledModels } = build(
      { a: answer(), b: fail(500), c: fail(500) },
      { routes: { standard: ['c', 'b', 'a'] } },
    );
    await sendChat(router, 'standard');
    expect(calledModels()).toEqual(['c', 'b', 'a']);
  });

  it('works the same as an object', async () => {
    const { router, calledModels } = build(models, { routes: { fast: { deployments: ['b'] } } });
    await sendChat(router, 'fast');
    expect(calledModels()).toEqual(['b']);
  });

  it('never leaves its list, fallbacks or not', async () => {
    const { router, calledModels } = build(
      { a: fail(401), b: answer() },
      { routes: { standard: ['a'] }, fallbacks: ['b'], clients: ['default'] },
    );
    await errorOf(sendChat(router, 'standard'));
    expect(calledModels()).toEqual(['a']);
  });
});

describe('the name of a deployment', () => {
  it('selects that deployment alone, as there are no fallbacks by default', async () => {
    const { router, calledModels } = build({ a: fail(404, { code: 'model_not_found' }), b: answer() });
    expect(await errorOf(sendChat(router, 'a'))).toMatchObject({ status: 404 });
    expect(calledModels()).toEqual(['a']);
  });

  it('is followed by the fallbacks, in their order', async () => {
    const { router, calledModels } = build({ a: fail(500), b: answer(), c: fail(500) }, { fallbacks: ['c', 'b'] });
    const completion = await sendChat(router, 'a');
    expect(calledModels()).toEqual(['a', 'c', 'b']);
    expect(callRecord(completion)).toMatchObject({ route: null, requestedModel: 'a', deployment: 'b' });
  });

  it('is not tried twice when it is a fallback too', async () => {
    const { router, calledModels } = build(
      { a: fail(500, { headers: { 'x-should-retry': 'false' } }), b: fail(400) },
      { fallbacks: ['a', 'b'] },
    );
    await errorOf(sendChat(router, 'a'));
    expect(calledModels()).toEqual(['a', 'b']);
  });
});

describe("'auto'", () => {
  const routes = { standard: ['a'], premium: ['b'], bulk: ['c'] };

  it.each([
    ['no priority', {}, {}, 'a'],
    ['premium, in the call', {}, { priority: 'premium' }, 'b'],
    ['premium, on the constructor', { priority: 'premium' }, {}, 'b'],
    ['a priority of the application', { priorities: { batch: 'bulk' } }, { priority: 'batch' }, 'c'],
    ['another route for standard', { priorities: { standard: 'bulk' } }, {}, 'c'],
    [
      'premium keeps its route if only another priority is configured',
      { priorities: { batch: 'bulk' } },
      { priority: 'premium' },
      'b',
    ],
  ])('selects the route of the priority: %s', async (_, settings: Setup, options, model) => {
    const { router, calledModels } = build(models, { routes, ...settings });
    await sendChatWith(router, options, 'auto');
    expect(calledModels()).toEqual([model]);
  });

  it('is the model that routeRequest sends', async () => {
    const { router, calledModels, fake } = build(models, { routes });
    const completion = await router.routeRequest('Summarise this ticket.', { priority: 'premium' });
    expect(calledModels()).toEqual(['b']);
    expect(fake.requests[0]?.body).toMatchObject({ messages: [{ role: 'user', content: 'Summarise this ticket.' }] });
    expect(callRecord(completion)?.priority).toBe('premium');
  });

  it('fails with a message that names the missing route of a priority', async () => {
    const { router, fake } = build(models, { routes: { standard: ['a'] } });
    const error = await errorOf(sendChatWith(router, { priority: 'premium' }, 'auto'));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toMatch(/"auto" needs a route for the priority "premium"/);
    expect(fake.count).toBe(0);
  });
});

describe('any other name', () => {
  it('is sent unchanged to the default client', async () => {
    const { router, fake } = build({ 'vendor/new': answer() }, { clients: ['other', 'default'], deployments: {} });
    const completion = await sendChat(router, 'vendor/new');
    expect(fake.requests).toMatchObject([{ model: 'vendor/new', apiKeyOf: 'default' }]);
    expect(callRecord(completion)).toMatchObject({
      route: null,
      deployment: 'default/*',
      requestedModel: 'vendor/new',
    });
  });

  it('goes to the first client where none is named default', async () => {
    const { router, fake } = build({ 'vendor/new': answer() }, { clients: ['one', 'two'], deployments: {} });
    await sendChat(router, 'vendor/new');
    expect(fake.requests).toMatchObject([{ apiKeyOf: 'one' }]);
  });

  it('is followed by the fallbacks', async () => {
    const { router, calledModels } = build({ a: answer() }, { fallbacks: ['a'], fake: { unknownModels: fail(500) } });
    await sendChat(router, 'vendor/new');
    expect(calledModels()).toEqual(['vendor/new', 'a']);
  });

  it('shares one breaker and one set of statistics per client', async () => {
    const { router, fake } = build({}, { clients: ['default', 'pro'], fake: { unknownModels: fail(500) } });
    for (const model of ['x', 'y']) await errorOf(sendChat(router, model));
    expect(router.snapshot().deployments['default/*']).toMatchObject({ requests: 6, state: 'open' });
    await errorOf(sendChat(router, 'Pro/x'));
    expect(router.snapshot().deployments['pro/*']).toMatchObject({ requests: 3, state: 'closed' });
    expect(fake.count).toBe(9);
  });

  it('may be missing: the upstream returns its own error', async () => {
    const { router, fake } = build(models);
    const error = await errorOf(router.post('/chat/completions', { body: { messages } }));
    expect(error).toMatchObject({ status: 400 });
    expect(callRecord(error)).toMatchObject({ requestedModel: null, deployment: 'default/*' });
    expect(fake.requests[0]?.body).toEqual({ messages });
  });
});

describe('prefixes', () => {
  const unlisted: Setup = { clients: ['default', 'pro', 'eco'], deployments: {}, fake: { unknownModels: 'answer' } };
  const premium = { 'x-request-priority': 'high', 'x-capacity-guarantee': 'dedicated' };
  const sentTo = ({ fake }: ReturnType<typeof build>) => fake.requests.map((request) => request.apiKeyOf);

  it("send `Pro/` models to the client 'pro' under their full name, with its headers", async () => {
    const built = build({}, unlisted);
    const completion = await sendChat(built.router, 'Pro/vendor/model');
    expect(built.fake.requests).toMatchObject([{ apiKeyOf: 'pro', model: 'Pro/vendor/model', headers: premium }]);
    expect(callRecord(completion)?.deployment).toBe('pro/*');
  });

  it('do not affect models without one', async () => {
    const built = build({}, unlisted);
    await sendChat(built.router, 'vendor/Pro/model');
    expect(sentTo(built)).toEqual(['default']);
    for (const name of Object.keys(premium)) expect(built.fake.requests[0]?.headers).not.toHaveProperty(name);
  });

  it("have no effect without a client 'pro'", async () => {
    const built = build({}, { ...unlisted, clients: ['default'] });
    await sendChat(built.router, 'Pro/vendor/model');
    expect(sentTo(built)).toEqual(['default']);
    expect(built.fake.requests[0]?.headers).not.toHaveProperty('x-capacity-guarantee');
  });

  it('add their headers to deployments of their client whose model has the prefix', async () => {
    const built = build(
      { 'Pro/vendor/model': answer(), b: answer() },
      {
        clients: ['default', 'pro'],
        deployments: {
          'Pro/vendor/model': { client: 'pro', headers: { 'X-Capacity-Guarantee': 'shared' } },
          b: { client: 'pro' },
        },
      },
    );
    await sendChat(built.router, 'Pro/vendor/model');
    await sendChat(built.router, 'b');
    // The deployment's own headers take precedence over the prefix's.
    expect(built.fake.requests[0]?.headers).toMatchObject({ ...premium, 'x-capacity-guarantee': 'shared' });
    expect(built.fake.requests[1]?.headers).not.toHaveProperty('x-capacity-guarantee');
  });

  it('can be configured; the longest match counts', async () => {
    const built = build({}, { ...unlisted, prefixes: { 'E/': 'default', 'E/co/': 'eco', 'P-': { client: 'pro' } } });
    for (const model of ['E/co/x', 'E/x', 'P-x', 'Pro/x']) await sendChat(built.router, model);
    expect(sentTo(built)).toEqual(['eco', 'default', 'pro', 'default']);
  });

  it('mark their calls as premium if configured, and no other calls', async () => {
    const prefixes = { 'Fast/': { client: 'default', premium: true }, 'Slow/': 'default' };
    const built = build({}, { ...unlisted, prefixes });
    for (const model of ['Fast/x', 'Slow/x', 'x']) await sendChat(built.router, model);
    const marks = built.fake.requests.map(({ headers }) => headers['x-request-priority']);
    expect(marks).toEqual(['high', undefined, undefined]);
  });

  it('do not apply to a listed name', async () => {
    const built = build({ 'Pro/x': answer() }, { clients: ['default', 'pro'] });
    await sendChat(built.router, 'Pro/x');
    expect(sentTo(built)).toEqual(['default']);
  });
});

describe("unlistedModels: 'refuse'", () => {
  it('refuses unlisted names, suggests the nearest, and sends nothing', async () => {
    const { router, fake } = build({ 'qwen/Qwen3-32B': answer() }, { unlistedModels: 'refuse' });
    const error = await errorOf(sendChat(router, 'qwen/Qwen3-32b-'));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ code: 'invalid_option', option: 'model' });
    expect(error.message).toMatch(/there is no model "qwen\/Qwen3-32b-"; the nearest: "qwen\/Qwen3-32B"/);
    expect(fake.count).toBe(0);
  });

  it('lists all names if none is near', async () => {
    const { router } = build(models, { unlistedModels: 'refuse', routes: { standard: ['a'] } });
    expect((await errorOf(sendChat(router, 'something-else-altogether'))).message).toContain(
      'known are "standard", "a", "b", "c"',
    );
  });

  it('lets routes, deployments and auto through', async () => {
    const { router, calledModels } = build(models, { unlistedModels: 'refuse', routes: { standard: ['b'] } });
    for (const model of ['standard', 'a', 'auto']) await sendChat(router, model);
    expect(calledModels()).toEqual(['b', 'a', 'b']);
  });
});

describe('the option `route`', () => {
  it('takes precedence over the model', async () => {
    const { router, calledModels } = build(models, { routes: { one: ['a'], two: ['b'] } });
    const completion = await sendChatWith(router, { route: 'two' }, 'one');
    expect(calledModels()).toEqual(['b']);
    expect(callRecord(completion)).toMatchObject({ route: 'two', requestedModel: 'one' });
  });

  it('must name an existing route', async () => {
    const { router, fake } = build(models, { routes: { standard: ['a'], premium: ['b'] } });
    const error = await errorOf(sendChatWith(router, { route: 'standrad' }, 'a'));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toBe('route: there is no route "standrad"; the nearest: "standard".');
    expect(fake.count).toBe(0);
  });

  it('does not accept the name of a deployment', async () => {
    const { router } = build(models, { routes: { standard: ['a'] } });
    expect(await errorOf(sendChatWith(router, { route: 'b' }, 'a'))).toBeInstanceOf(InvalidOptionError);
  });
});

describe('a route and a deployment of one name', () => {
  it('select the route, which begins with that deployment', async () => {
    const { router, calledModels } = build({ a: fail(500), b: answer() }, { routes: { a: ['a', 'b'] } });
    expect(callRecord(await sendChat(router, 'a'))).toMatchObject({ route: 'a', deployment: 'b' });
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('are refused if the route begins with another deployment', () => {
    expect(() => build(models, { routes: { a: ['b', 'a'] } })).toThrow(
      'routes.a: a deployment has the same name, so the route must begin with it; it begins with "b".',
    );
  });
});
