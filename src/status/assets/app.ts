/** The page's script. It renders `status.json` as text only, and again with each event. No library. */
export const APP = `'use strict';
(() => {
const HEALTH = {
  down: ['down', 'bad', 'No calls are sent to it until a probe succeeds.'],
  suspended: ['suspended', 'bad', 'Its client is not used: the key was refused, or the account has no credit.'],
  failing: ['failing', 'bad', ''],
  probing: ['probing', 'warn', 'One call at a time is sent to it, to see whether it works again.'],
  paused: ['paused', 'warn', 'It requested a pause.'],
  unused: ['not used yet', 'idle', ''],
  working: ['working', 'good', ''],
};
const ORDER = Object.keys(HEALTH);
const OUTCOMES = {
  'server-error': 'server error', 'rate-limited': 'rate limit', connection: 'no connection', timeout: 'no answer in time',
  'invalid-answer': 'invalid answer', interrupted: 'stream broke off', unauthorized: 'key refused', forbidden: 'forbidden',
  'model-not-found': 'model not found', success: 'answered', lost: 'another answered first', deadline: 'deadline',
  'caller-error': 'the request was refused', 'context-length': 'input too long', 'content-filter': 'content filter', aborted: 'aborted',
};
const byId = (id) => document.getElementById(id);
const num = (n) => n.toLocaleString('en-US');
const pct = (x) => {
  if (x === null || x === undefined) return '–';
  const digits = x === 1 || x < 0.99 ? 1 : x < 0.9999 ? 2 : 4;
  return (Math.floor(100 * x * 10 ** digits + 1e-9) / 10 ** digits).toFixed(digits) + ' %';
};
const ms = (x) => x === null ? '–' : x < 10000 ? num(Math.round(x)) + ' ms' : (x / 1000).toFixed(1) + ' s';
const usd = (x) => x === null ? 'unknown' : x === 0 ? '$0' : x < 0.0001 ? '<$0.0001' : '$' + (x < 1 ? x.toFixed(4) : x.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
const many = (n, one) => num(n) + ' ' + one + (n === 1 ? '' : 's');
const sum = (list, pick) => list.reduce((all, each) => all + pick(each), 0);
const clock = (iso) => new Date(iso).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const moment = (iso, at) => at - Date.parse(iso) > 43200000 ? new Date(iso).toLocaleDateString([], { month: 'short', day: 'numeric' }) + ' ' + clock(iso) : clock(iso);
const ago = (iso, at) => {
  const s = Math.max(0, Math.round((at - Date.parse(iso)) / 1000));
  if (s < 90) return s + ' s';
  if (s < 5400) return Math.round(s / 60) + ' min';
  return s < 172800 ? Math.round(s / 3600) + ' h' : Math.round(s / 86400) + ' days';
};
// Characters that hide or reorder text are written out: a name can contain them.
const plain = (text) => text.replace(/[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]/gu, (char) => '\\\\u{' + char.codePointAt(0).toString(16) + '}');
function el(tag, look, ...children) {
  const node = document.createElement(tag);
  if (look) node.className = look;
  node.append(...children.filter((each) => each !== null && each !== undefined && each !== false).map((each) => typeof each === 'string' ? plain(each) : each));
  return node;
}
function drawing(width, height, look, label, rects) {
  const make = (tag, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const svg = make('svg', { viewBox: '0 0 ' + width + ' ' + height, preserveAspectRatio: 'none', class: look, role: 'img', 'aria-label': label });
  svg.append(...rects.map(([name, x, y, w, h]) => make('rect', { class: name, x, y, width: w, height: h })));
  return svg;
}
const cell = (name, value, less, look) => el('div', '', el('dt', '', name), el('dd', look, value, less && el('small', '', less)));
const said = (f) => f.status === null || f.outcome === 'success' ? OUTCOMES[f.outcome] || f.outcome : (OUTCOMES[f.outcome] || f.outcome) + ', HTTP ' + f.status;
function reason(d, at) {
  const f = d.lastFailure;
  if (!f) return '';
  // An HTTP status needs no explanation.
  const more = f.status === null && f.error && f.error.slice(0, 160);
  return said(f) + ' after ' + ms(f.durationMs) + (f.code ? ' (' + f.code + ')' : '') + (more ? ': ' + more : '');
}
const place = (d) => d.region ? ' (region ' + d.region + ')' : '';
const isBad = (d) => HEALTH[d.health][1] === 'bad' || HEALTH[d.health][1] === 'warn';

function headline(status, all, at) {
  if (status.closed) return el('div', 'idle', el('b', '', 'The router is closed.'));
  const bad = all.filter(([, d]) => isBad(d));
  const burning = Object.entries(status.routes).concat(all).filter(([, x]) => x.burn && x.burn.burning.length > 0);
  if (bad.length === 0 && burning.length === 0) {
    const unused = all.filter(([, d]) => d.health === 'unused').length;
    if (unused === all.length) return el('div', 'idle', el('b', '', 'No calls yet.'));
    return el('div', 'good', el('b', '', unused === 0 ? 'All deployments are working.' : 'All deployments that were used are working.'));
  }
  const lines = bad.slice(0, 5).map(([id, d]) => el('li', '', el('b', '', id), [place(d), d.since ? ' has been ' : ' is ', HEALTH[d.health][0],
    d.since && ' since ' + moment(d.since, at) + ' (' + ago(d.since, at) + ')', d.lastFailure && ': ' + said(d.lastFailure), '. Cost so far ' + usd(d.costUsd) + '.'].filter(Boolean).join('')));
  if (bad.length > 5) lines.push(el('li', '', 'and ' + (bad.length - 5) + ' more'));
  for (const [id, x] of burning) lines.push(el('li', '', el('b', '', id), ' burns its error budget too fast (' + x.burn.burning.join(', ') + ').'));
  const title = bad.length === 0 ? 'A service level is in danger.' : bad.length + ' of ' + many(all.length, 'deployment') + (bad.length === 1 ? ' has' : ' have') + ' a problem.';
  return el('div', bad.some(([, d]) => HEALTH[d.health][1] === 'bad') || burning.length ? 'bad' : 'warn', el('b', '', title), el('ul', '', ...lines));
}
const tile = (name, value, less) => el('div', 'tile', el('dt', '', name), el('dd', '', value), el('p', '', less));
function tiles(status) {
  const { counted, answered, failovers } = status.calls;
  const { cache, spend } = status;
  const looked = cache.hits + cache.joined + cache.stale + cache.misses;
  return el('dl', 'tiles',
    tile('calls answered', counted === 0 ? '–' : pct(answered / counted), num(answered) + ' of ' + many(counted, 'call')),
    tile('failovers', num(failovers), 'to the next deployment'),
    tile('cost', usd(spend.totalUsd), spend.unpriced ? many(spend.unpriced, 'attempt') + ' of unknown cost' : 'since the start'),
    tile('cache', looked === 0 ? 'off' : pct((looked - cache.misses) / looked), looked === 0 ? 'no call may be cached' : 'saved ' + usd(cache.savedUsd)));
}
function spark(minutes) {
  const top = Math.max(1, ...minutes.map(([ok, no]) => ok + no));
  const rects = [];
  for (let i = 0; i < 30; i++) {
    const [ok, no] = minutes[i - 30 + minutes.length] || [0, 0];
    const x = i * 5, a = 30 * no / top, b = 30 * ok / top;
    rects.push(['base', x, 29, 4, 1]);
    if (no) rects.push(['no', x, 30 - Math.max(2, a), 4, Math.max(2, a)]);
    if (ok) rects.push(['ok', x, Math.max(0, 30 - Math.max(2, a && Math.max(2, a)) - b), 4, b]);
  }
  const failed = sum(minutes, (m) => m[1]), answered = sum(minutes, (m) => m[0]);
  return el('div', 'spark', el('dt', '', 'last 30 min'), drawing(150, 30, '', num(answered) + ' answered and ' + num(failed) + ' failed in the last 30 minutes', rects));
}
function level(x) {
  if (!x.sla) return null;
  const { uptime, p99Ms, errorBudgetLeft, met } = x.sla;
  return el('p', 'why', el('span', 'pill ' + (met === null ? 'idle' : met ? 'good' : 'bad'), met === null ? 'SLA: no data' : met ? 'SLA met' : 'SLA missed'),
    ' this month: uptime ' + pct(uptime) + ', p99 ' + ms(p99Ms) + ', error budget left ' + (errorBudgetLeft === null ? '–' : pct(Math.max(0, errorBudgetLeft))) + ', downtime ' + many(x.downtimeMinutes, 'minute'));
}
function deployment([id, d], at) {
  const [name, look, hint] = HEALTH[d.health];
  const edge = look === 'bad' ? ' bad-edge' : look === 'warn' ? ' warn-edge' : '';
  const until = d.suspendedUntil || d.pausedUntil;
  const why = isBad(d) ? el('p', 'why', d.since && el('b', '', 'Since ' + moment(d.since, at) + ' (' + ago(d.since, at) + '). '),
    reason(d, at) && 'Last failure: ' + reason(d, at) + (/[.!?]$/.test(reason(d, at)) ? ' ' : '. '), hint && hint + ' ', until && 'Until ' + clock(until) + '.')
    : d.lastFailure && el('p', 'why soft', 'Last failure ' + moment(d.lastFailure.at, at) + ' (' + ago(d.lastFailure.at, at) + ' ago): ' + said(d.lastFailure));
  return el('div', 'card' + edge,
    el('div', 'top', el('span', 'pill ' + look, name), el('h3', '', id), d.region && el('span', 'tag', d.region), el('span', 'tag', 'client ' + d.client)),
    why,
    el('dl', 'row', cell('attempts', num(d.requests)), cell('failed', num(d.failedAttempts), '', d.failedAttempts && isBad(d) ? 'alert' : ''), cell('uptime', pct(d.uptime)),
      cell('p50, 5 min', ms(d.latencyMs.p50)), cell('p99, 5 min', ms(d.latencyMs.p99)),
      cell('cost', usd(d.costUsd), d.failedCostUsd > 0 ? usd(d.failedCostUsd) + ' of it failed' : d.unpriced ? num(d.unpriced) + ' unpriced' : ''),
      cell('running', num(d.inFlight)), spark(d.minutes)),
    level(d));
}
function route([name, r]) {
  return el('div', 'card', el('div', 'top', el('h3', '', name), el('span', 'soft', r.deployments.join(' → '))),
    el('dl', 'row plain', cell('calls', num(r.requests)), cell('failed', num(r.failures), '', r.failures ? 'alert' : ''), cell('uptime', pct(r.uptime)),
      cell('today', pct(r.uptimeBy.day)), cell('this month', pct(r.uptimeBy.month)), cell('cost', usd(r.costUsd))), level(r));
}
function budget(b) {
  const share = (x) => Math.max(0, Math.min(100, 100 * x / b.limitUsd));
  const spent = share(b.spentUsd), held = Math.min(100 - spent, share(b.reservedUsd));
  return el('div', 'card', el('div', 'top', el('h3', '', b.budget), b.route && el('span', 'tag', 'route ' + b.route), b.per && el('span', 'tag', 'tenant ' + (b.tenant || 'none'))),
    drawing(100, 8, 'bar', usd(b.spentUsd) + ' of ' + usd(b.limitUsd), [['base', 0, 0, 100, 8], [b.leftUsd <= 0 ? 'over' : 'spent', 0, 0, spent, 8], ['held', spent, 0, held, 8]]),
    el('p', 'soft', usd(b.spentUsd) + ' of ' + usd(b.limitUsd) + ' spent' + (b.reservedUsd ? ', ' + usd(b.reservedUsd) + ' reserved' : '') + (b.resetsAt ? '; resets ' + new Date(b.resetsAt).toLocaleString() : '')));
}
function trouble(t, at) {
  const chain = el('span', 'chain');
  t.attempts.forEach((a, i) => {
    chain.append(i ? ' → ' : '', plain(a.deployment) + ' ', el('i', a.outcome === 'success' ? 'fine' : '', said(a) + ' (' + ms(a.durationMs) + ')'));
  });
  return el('li', '', el('span', 'soft', moment(t.at, at)), el('span', '', (t.route || 'no route') + (t.tenant ? ', ' + t.tenant : '')), chain,
    el('span', 'soft cost', t.outcome === 'success' ? '' : t.outcome + ', ', usd(t.costUsd)));
}
const section = (title, less, nodes) => nodes.length === 0 ? [] : [el('h2', '', title, less && el('small', '', less)), ...nodes];
function draw(text) {
  const status = JSON.parse(text);
  const at = Date.parse(status.at);
  byId('live').textContent = 'live, ' + clock(status.at);
  byId('live').className = 'live on';
  // Keeps the selection of a reader who copies text.
  const selection = getSelection();
  if (selection && !selection.isCollapsed) return;
  byId('process').textContent = (status.process.id === null ? 'This process' : 'Process ' + status.process.id) + ' only, counted since ' + moment(status.process.since, at) + ' (' + ago(status.process.since, at) + ')';
  const all = Object.entries(status.deployments).sort((a, b) => ORDER.indexOf(a[1].health) - ORDER.indexOf(b[1].health));
  const top = headline(status, all, at);
  if (top.textContent !== byId('headline').textContent) byId('headline').replaceChildren(top);
  byId('content').replaceChildren(tiles(status),
    ...section('Deployments', 'those with problems first', all.map((each) => deployment(each, at))),
    ...section('Calls that met trouble', 'newest first', status.trouble.length ? [el('ol', 'card', ...status.trouble.slice(0, 10).map((t) => trouble(t, at)))] : []),
    ...section('Routes', '', Object.entries(status.routes).map(route)),
    ...section('Budgets', '', status.spend.budgets.map(budget)),
    ...section('Tenants', 'those that have spent most', Object.entries(status.spend.byTenant).length ? [el('ol', 'card pairs', ...Object.entries(status.spend.byTenant).map(([name, spent]) => el('li', '', el('span', '', name), el('span', '', usd(spent)))))] : []));
}
const lost = () => { byId('live').textContent = 'no connection'; byId('live').className = 'live off'; };
let polling = false;
async function poll() {
  try {
    const response = await fetch('status.json');
    if (!response.ok) throw new Error(response.status);
    draw(await response.text());
  } catch { lost(); }
  setTimeout(poll, 5000);
}
const startPolling = () => { if (!polling) { polling = true; poll(); } };
if (typeof EventSource === 'undefined') return startPolling();
const source = new EventSource('events');
source.onmessage = ({ data }) => draw(data);
source.onerror = () => { lost(); if (source.readyState === 2) startPolling(); };
})();
`;
