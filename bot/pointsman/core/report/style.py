"""How a report's page looks, on light and on dark paper; it loads nothing."""

STYLE = """
:root{color-scheme:light dark;--ink:#1d2126;--soft:#5a6270;--paper:#fff;--line:#d9dde3;--a:#1f6fb5;--b:#b4510f;
--c:#7b8492;--d:#3d8b4f}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3acba;--paper:#15181c;--line:#363c45;--a:#6db3f2;
--b:#f2a05c;--c:#949dab;--d:#7cc98d}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1rem 4rem;max-width:1080px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p{margin:.3rem 0}small,.soft{color:var(--soft)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:.8rem;margin:1.2rem 0}
dl div{border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}dt{color:var(--soft);font-size:.85rem}
dd{margin:0;font-size:1.15rem}dd small{display:block;font-size:.8rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:1.2rem}
figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.7rem .8rem}figcaption{font-weight:600}
figcaption span{margin-left:.8rem;font-weight:400}
figcaption i{display:inline-block;width:.7em;height:.7em;margin-right:.3em}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}
.grid{stroke:var(--line)}rect.a{fill:var(--a)}rect.b{fill:var(--b)}rect.c{fill:var(--c)}rect.d{fill:var(--d)}
i.a{background:var(--a)}i.b{background:var(--b)}i.c{background:var(--c)}i.d{background:var(--d)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}td.l,th.l{text-align:left}td.t{white-space:normal;min-width:14rem;overflow-wrap:anywhere}
th{font-weight:500}thead th{color:var(--soft)}
pre{background:color-mix(in srgb,var(--line) 40%,transparent);padding:.7rem;
border-radius:6px;overflow-x:auto}
"""
