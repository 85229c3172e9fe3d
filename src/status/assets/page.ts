const ICON = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 8h4l3-4h5M6 8l3 4h5" fill="none" stroke="#1d5fd1" stroke-width="2"/></svg>')}`;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The page's frame, which the script fills. */
export function page(title: string): string {
  const shown = title.replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>${shown}</title><link rel="icon" href="${ICON}"><link rel="stylesheet" href="style.css"><script src="app.js" defer></script></head>
<body><main><header><h1>${shown}</h1><p id="live" class="live">connecting</p><p id="process" class="sub"></p></header>
<div id="headline" role="status"></div><div id="content"><noscript>This page needs JavaScript.</noscript></div>
<footer>Attempts, uptime and cost are of this process since it began. The same as data: <a href="status.json">status.json</a>, <a href="metrics">metrics</a>.</footer></main></body></html>
`;
}
