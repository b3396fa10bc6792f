"""``policy --format html``: one page, complete in itself, to be searched, printed and signed off."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from addons.apis.row_listing import Listed

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>
body {{ font: 15px system-ui, sans-serif; max-width: 1300px; margin: 2em auto; padding: 0 1em; color: #111 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #ccc; padding: .35em .6em; text-align: left; vertical-align: top }}
th {{ position: sticky; top: 0; background: #f4f4f4 }}
td:first-child {{ font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
small {{ color: #555 }}
.allow {{ color: #1a6b35 }} .refuse {{ color: #8f1d14 }} .looser {{ background: #fff4d6 }}
input {{ font: inherit; width: 100%; padding: .4em; box-sizing: border-box }}
footer p {{ margin-top: 3em; border-top: 1px solid #111; padding-top: .3em }}
@media print {{ #find {{ display: none }} body {{ font-size: 9pt; margin: 0; max-width: none }}
 th {{ position: static }} tr {{ break-inside: avoid }} }}
</style></head><body>
<h1>{title}</h1>
<p>{facts}</p>
<p>{count} rows. Whatever no row names is refused. What is looser than the shipped default stands first.</p>
<p id="find"><label>Search <input type="search" autocomplete="off"></label></p>
{sections}
<footer><p>Approved by, date, signature</p></footer>
<script>
document.querySelector("input").addEventListener("input", event => {{
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const row of document.querySelectorAll("tbody tr"))
    row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
}});
</script></body></html>"""

_NAMES: Final = ("Name", "Decision", "Rule and reason", "What a caller can do", "Setting", "Source, checked")


def page(title: str, facts: Mapping[str, str], sections: Iterable[tuple[str, Sequence[tuple[Listed, str]]]]) -> str:
    """The page as HTML.

    ``facts`` are what it is signed for. Each row of a section comes with what another configuration decides, or "".
    """
    found = list(sections)
    return _PAGE.format(
        title=html.escape(title),
        facts="<br>".join(f"{html.escape(name)}: <b>{html.escape(fact)}</b>" for name, fact in facts.items()),
        count=sum(len(rows) for _, rows in found),
        sections="\n".join(_section(name, rows) for name, rows in found),
    )


def _section(name: str, rows: Sequence[tuple[Listed, str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in _NAMES)
    body = "\n".join(_row(row, other) for row, other in rows)
    return f"<h2>{html.escape(name)}</h2>\n<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _row(row: Listed, other: str) -> str:
    members = f"<br><small>{html.escape(', '.join(row.members))}</small>" if row.members else ""
    there = f"<br><small>there: {html.escape(other)}</small>" if other else ""
    shipped = f"<br><small>shipped: {html.escape(row.shipped)}</small>" if row.shipped != row.decision else ""
    cells = (
        html.escape(row.name) + members,
        f'<span class="{html.escape(row.decision)}">{html.escape(row.decision)}</span>{there}{shipped}',
        (f"{html.escape(row.rule)}<br>" if row.rule else "") + html.escape(row.reason),
        html.escape(row.remedy),
        html.escape(row.setting),
        f"{html.escape(str(row.source))}<br><small>{row.source.checked}</small>",
    )
    looser = ' class="looser"' if row.is_looser else ""
    return f"<tr{looser}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
