/** Light and dark by the reader's system; one column on a phone. */
export const STYLE = `:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#16202c;--soft:#566172;--rule:#e2e6ec;--accent:#1d5fd1;--good:#1a7f5a;--good-bg:#e3f4ec;--bad:#b42323;--bad-bg:#fdeaea;--warn:#8a5300;--warn-bg:#fff1d6;--idle-bg:#eceff3}
@media (prefers-color-scheme:dark){:root{--page:#10151c;--card:#18202a;--ink:#e8edf3;--soft:#9dabbc;--rule:#2b3644;--accent:#6ea8ff;--good:#5fd0a3;--good-bg:#12352a;--bad:#ff8f8f;--bad-bg:#3d1b1f;--warn:#f5c56b;--warn-bg:#382a10;--idle-bg:#232d39}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:28px 20px 48px}
h1,h2,h3,p,dl,dd,ul,ol{margin:0;padding:0}
header{display:grid;grid-template-columns:1fr auto;gap:2px 16px;align-items:baseline;margin-bottom:16px}
h1{font-size:1.625rem;line-height:1.2;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:1rem;margin:28px 0 10px}
h2 small{font-weight:400;color:var(--soft);margin-left:8px}
.sub{grid-column:1/-1}
.sub,.soft,.live{color:var(--soft);font-size:.875rem}
.live::before{content:"";display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:7px;background:var(--soft)}
.live.on::before{background:var(--good)}
.live.off{color:var(--bad)}.live.off::before{background:var(--bad)}
#headline>div{border-radius:12px;padding:14px 18px;font-size:1.0625rem}
#headline b{font-weight:650}
#headline ul{list-style:none;margin-top:6px;font-size:.9375rem}
#headline li{margin-top:4px;overflow-wrap:anywhere}
.good{background:var(--good-bg);color:var(--good)}.bad{background:var(--bad-bg);color:var(--bad)}.warn{background:var(--warn-bg);color:var(--warn)}.idle{background:var(--idle-bg);color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin-top:12px}
.card,.tile{background:var(--card);border:1px solid var(--rule);border-radius:12px}
.tile{padding:12px 16px}
dt{color:var(--soft);font-size:.8125rem;white-space:nowrap}
.tile dd{font-size:1.5rem;font-weight:650;line-height:1.3;letter-spacing:-.02em}
.tile p{font-size:.8125rem;color:var(--soft)}
.card{padding:14px 16px;margin-bottom:10px}
.card.bad-edge{border-left:4px solid var(--bad);padding-left:13px}.card.warn-edge{border-left:4px solid var(--warn);padding-left:13px}
.top{display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center}
h3{font-size:1rem;font-weight:600;overflow-wrap:anywhere;min-width:0}
.pill{font-size:.8125rem;font-weight:600;border-radius:99px;padding:1px 10px;white-space:nowrap}
.tag{font-size:.8125rem;color:var(--soft);border:1px solid var(--rule);border-radius:6px;padding:0 7px}
.tag,.top .soft{overflow-wrap:anywhere;min-width:0}
.why{margin-top:6px;font-size:.9375rem;overflow-wrap:anywhere}
.why b{font-weight:600}
.row{display:grid;grid-template-columns:repeat(7,minmax(0,1fr)) 150px;gap:6px 14px;margin-top:10px}
.row.plain{grid-template-columns:repeat(6,minmax(0,1fr))}
.row dd{font-size:.9375rem}
dd.alert{color:var(--bad);font-weight:600}
.row dd small{font-size:.8125rem;color:var(--soft);display:block}
svg{display:block;width:100%;height:24px}
svg .ok{fill:var(--good)}svg .no{fill:var(--bad)}svg .base{fill:var(--rule)}
.bar{height:8px;margin:8px 0 4px}
.bar .base{fill:var(--idle-bg)}.bar .spent{fill:var(--accent)}.bar .over{fill:var(--bad)}.bar .held{fill:var(--warn)}
ol{list-style:none}
ol.card{padding:4px 16px}
ol li{padding:9px 0;border-top:1px solid var(--rule);display:grid;grid-template-columns:76px minmax(90px,auto) 1fr auto;gap:2px 14px;font-size:.9375rem}
ol li:first-child{border-top:0}
ol li span{overflow-wrap:anywhere}
ol.pairs li{grid-template-columns:1fr auto}ol.pairs li span:nth-child(2){text-align:right}
ol .chain i{font-style:normal;color:var(--bad)}ol .chain i.fine{color:var(--good)}
a{color:var(--accent)}
footer{margin-top:28px;color:var(--soft);font-size:.875rem}
@media (max-width:760px){main{padding:18px 12px 32px}h1{font-size:1.25rem}.tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:10px 12px}.tile dd{font-size:1.25rem}.row,.row.plain{grid-template-columns:repeat(3,minmax(0,1fr))}.row .spark{grid-column:2/-1}.card{padding:12px}ol li{grid-template-columns:1fr auto}ol .chain{grid-column:1/-1;grid-row:2}ol li span:nth-child(2){text-align:right}ol li .cost{display:none}}
`;
