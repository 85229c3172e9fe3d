/** The page's look: light and dark by the reader's system, one column on a phone. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#16202c;--soft:#566172;--rule:#e2e6ec;--with:#1d5fd1;--without:#c2500a;--down:#e7514f2e;--fault:#7a5cd62b;--fault-ink:#7a5cd6;--closed:#3aa17e;--open:#d03b3b;--half:#e8a317;--warn:#fff4de;--warn-ink:#6b4500}
@media (prefers-color-scheme:dark){:root{--page:#10151c;--card:#18202a;--ink:#e8edf3;--soft:#9dabbc;--rule:#2b3644;--with:#6ea8ff;--without:#ff9a57;--down:#ff6b6b30;--fault:#a48cff30;--fault-ink:#a48cff;--closed:#2f8f70;--open:#f06464;--half:#f2bb4a;--warn:#33280f;--warn-ink:#ffd98a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:32px 20px 48px}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 6px;letter-spacing:-.015em}
h2{font-size:1rem;margin:0}
p{margin:0}
.sub,footer,.note{color:var(--soft);font-size:.875rem}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;margin:24px 0 12px;padding:0}
.tile,figure,section{background:var(--card);border:1px solid var(--rule);border-radius:12px}
.tile{padding:14px 16px}
.tile dt{color:var(--soft);font-size:.8125rem}
.tile dd{margin:0}
.tile .big{font-size:1.625rem;font-weight:650;line-height:1.25;letter-spacing:-.02em}
.tile .less{font-size:.8125rem;color:var(--soft)}
.tile .less b{color:var(--without);font-weight:600}
figure,section{margin:12px 0;padding:16px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:0 12px}
.two figure{margin:0 0 12px;display:grid;grid-template-rows:subgrid;grid-row:span 2}
figcaption{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline;justify-content:space-between;margin-bottom:14px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:.8125rem;color:var(--soft)}
.key{white-space:nowrap}
.key::before{content:"";display:inline-block;width:18px;height:3px;margin-right:6px;vertical-align:middle;border-radius:2px;background:var(--with)}
.key.without::before{background:repeating-linear-gradient(90deg,var(--without) 0 6px,transparent 6px 8px)}
.key.down::before,.key.fault::before,.key.closed::before,.key.open::before,.key.half::before{height:10px;background:var(--down);outline:1px solid var(--rule)}
.key.limit::before{height:0;background:none;border-top:2px dotted var(--soft)}.key.fault::before{background:var(--fault)}.key.closed::before{background:var(--closed)}.key.open::before{background:var(--open)}.key.half::before{background:var(--half)}
.plot{position:relative;padding:0 0 24px 58px}
.area{position:relative;height:180px}
.two .area{height:130px}
svg{display:block;width:100%;height:100%;overflow:visible}
.scale span{position:absolute;transform:translateY(-50%);right:8px;white-space:nowrap}
.scale{position:absolute;left:0;top:0;width:58px;height:calc(100% - 24px);font-size:.75rem;color:var(--soft)}
.time{position:relative;height:0;font-size:.75rem;color:var(--soft)}
.time span{position:absolute;top:6px;transform:translateX(-50%)}
.time span:first-child{transform:none}.time span.end{transform:translateX(-100%)}
.line-name{position:absolute;transform:translate(-50%,-110%);font-size:.75rem;font-weight:600;color:var(--without);white-space:nowrap;background:color-mix(in srgb,var(--card) 75%,transparent);border-radius:4px;padding:0 4px}
.line-name.below{transform:translate(-50%,10%)}
path{fill:none;vector-effect:non-scaling-stroke}
.grid{stroke:var(--rule)}
.limit{stroke:var(--soft);stroke-dasharray:2 4}
.line{stroke-width:2;stroke-linejoin:round}
.line.with{stroke:var(--with)}.line.without{stroke:var(--without);stroke-dasharray:6 2}
rect.down{fill:var(--down)}rect.fault{fill:var(--fault)}.bands rect.down{fill:var(--open);fill-opacity:.55}.bands rect.fault{fill:var(--fault-ink)}rect.closed{fill:var(--closed)}rect.open{fill:var(--open)}rect.half{fill:var(--half)}
.band{margin-bottom:10px}
.band p{font-size:.875rem;display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px;margin-bottom:3px;overflow-wrap:anywhere}
.band p span{color:var(--soft)}
.band .area{height:32px;margin-left:58px}.band .area svg{border-radius:4px;overflow:hidden}
.advice{background:var(--warn);border-color:transparent;color:var(--warn-ink)}
.advice ul{margin:8px 0 0;padding-left:20px}
.scroll{overflow-x:auto;margin-top:10px}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th{font-weight:500;color:var(--soft);text-align:right;white-space:nowrap}
td{text-align:right;border-top:1px solid var(--rule);white-space:nowrap}
th,td{padding:6px 0 6px 16px}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal;overflow-wrap:anywhere;min-width:110px}
td.text,th.text{text-align:left;white-space:normal}
summary{cursor:pointer;font-weight:600}
footer{margin-top:20px}
footer p+p{margin-top:6px}
@media (max-width:640px){main{padding:20px 12px 32px}h1{font-size:1.375rem}.tiles{grid-template-columns:1fr 1fr;gap:8px}.tile{padding:12px}.tile .big{font-size:1.375rem}.two{grid-template-columns:1fr}figure,section{padding:14px 12px}.plot{padding-left:50px}.scale{width:50px}.band .area{margin-left:50px}.time .minor{display:none}.area{height:150px}thead{display:none}tr{display:grid;grid-template-columns:repeat(3,1fr);gap:4px 10px;padding:8px 0;border-top:1px solid var(--rule)}tr:first-child{border-top:0}td,td:first-child{padding:0;border:0;text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:0}td::before{content:attr(data-title);display:block;font-size:.75rem;color:var(--soft)}td:first-child,td.text{grid-column:1/-1}td:first-child{font-weight:600}}
@media print{body{background:#fff}.tile,figure,section{break-inside:avoid}}
`;
