"""`socai catalogue`: the rulebook explained, from the data the ledger judges by."""

from __future__ import annotations

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import misuse, options, shell_of
from ledger.message import Message
from ledger.regulation.docs import catalogue_page, life_cycle_page

KINDS = catalogue_page.KINDS
PAGES = {"page": catalogue_page.page, "life_cycle": life_cycle_page.page}


@click.command()
@click.argument("kind", type=click.Choice([*KINDS, *PAGES]))
@click.argument("code", required=False)
@options
@guarded
def catalogue(kind: str, code: str | None) -> None:
    """List a KIND of the rulebook, explain one CODE of it, or print a whole page."""
    shell = shell_of()
    if kind in PAGES:
        click.echo(PAGES[kind](), nl=False)
        return
    if code is None:
        items = catalogue_page.listing(kind)
        if shell.json:
            shell.give([item._asdict() for item in items])
        else:
            shell.table(
                ("code", "what"), [(i.code, i.vi if shell.lang == "vi" else i.en) for i in items]
            )
        return
    try:
        text = catalogue_page.explain(kind, code)
    except KeyError:
        misuse(
            Message(
                "The catalogue has no {kind} {code}. See: socai catalogue {kind}",
                kind=kind,
                code=code,
            ),
        )
    if shell.json:
        shell.give({"kind": kind, "code": code, "markdown": text})
    else:
        click.echo(text)
