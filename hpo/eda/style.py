"""The page's own style, in light and dark as the reader's system is set."""

STYLE = """
:root{color-scheme:light dark;--paper:#fcfcfb;--card:#fff;--ink:#1b1d21;--quiet:#5a6068;
--line:#dfe2e6;--data:#2f7fd6;--limit:#c4302b;--advice:#0b7a5b;--look:#a05a00;--look-paper:#fff6e5}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--card:#1c1f23;--ink:#e8eaed;
--quiet:#a3a9b1;--line:#343a41;--data:#5c9fe8;--limit:#ff7b72;--advice:#45c49b;--look:#f0b429;
--look-paper:#2b2417}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI","Apple SD Gothic Neo","Malgun Gothic",
"Noto Sans KR","NanumGothic",sans-serif}
main{max-width:880px;margin:0 auto;padding:32px 24px 96px}
h1{font-size:30px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:22px;margin:56px 0 6px;padding-top:20px;border-top:1px solid var(--line)}
h3{font-size:17px;margin:28px 0 4px}
p{margin:6px 0 12px;max-width:70ch}
.quiet,caption,figcaption{color:var(--quiet);font-size:14px}
nav{margin:16px 0 0;font-size:14px;display:flex;flex-wrap:wrap;gap:4px 16px}
a{color:var(--data)}
code{font:14px/1.4 ui-monospace,Menlo,Consolas,monospace;background:var(--line);
padding:1px 4px;border-radius:3px;overflow-wrap:anywhere}
.findings{list-style:none;margin:12px 0;padding:0}
.findings li{padding:8px 14px;margin:6px 0;background:var(--card);border:1px solid var(--line);
border-left:4px solid var(--advice);border-radius:4px}
.findings .look{border-left-color:var(--look);background:var(--look-paper)}
.findings b{margin-right:6px}
.findings .look b{color:var(--look)} .findings .fine b{color:var(--advice)}
figure{margin:14px 0 22px;padding:14px;background:var(--card);border:1px solid var(--line);
border-radius:6px}
figure svg,figure img{display:block;width:100%;height:auto}
figcaption{margin-top:8px}
svg text,svg .quiet{font-size:12px;fill:var(--quiet)}
svg .strong{fill:var(--ink);font-weight:600} svg .limit{fill:var(--limit);font-weight:600}
svg .advice{fill:var(--advice);font-weight:600} svg .data{fill:var(--data)}
svg .grid{stroke:var(--line);stroke-width:1} svg .axis{stroke:var(--quiet);stroke-width:1}
svg .mark{stroke-width:1.5;stroke-dasharray:5 3}
svg .mark.limit{stroke:var(--limit)} svg .mark.advice{stroke:var(--advice)}
.wide{overflow-x:auto;margin:12px 0 20px}
table{border-collapse:collapse;font-size:14px;width:100%}
caption{text-align:left;padding:0 0 6px}
th{text-align:left;font-weight:600;vertical-align:bottom}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line)}
td{vertical-align:top} td code{white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums} td.number{white-space:nowrap}
.bar{display:inline-block;width:140px;height:10px;background:var(--line);border-radius:2px}
.fill{display:block;height:10px;background:var(--data);border-radius:2px}
.topics{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:14px;
margin:14px 0}
.topic{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:12px 14px}
.topic h3{margin:0 0 6px;font-size:16px} .topic table{width:100%}
.topic td{padding:2px 8px 2px 0;border:0} .topic .bar{width:90px}
details{margin:8px 0;padding:8px 14px;background:var(--card);border:1px solid var(--line);
border-radius:6px}
summary{cursor:pointer}
.texts{display:grid;grid-template-columns:1fr 1fr;gap:18px;font-size:14px;margin-top:8px}
.texts div{white-space:pre-wrap;overflow-wrap:anywhere}
@media (max-width:640px){.texts{grid-template-columns:1fr}main{padding:20px 14px 60px}}
@media print{main{max-width:none}figure,.topic,details{break-inside:avoid}}
"""
