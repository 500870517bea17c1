"""`socai catalogue`: the rulebook explained, from the data the ledger judges by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from api.cli.terminal.error_messages import guarded
from api.cli.terminal.shell import dumped, misuse, options, shell_of
from ledger.message import Message
from ledger.regulation.docs import catalogue_page, forms, life_cycle_page
from ledger.regulation.edition import load_edition

KINDS = catalogue_page.KINDS
FORMS = "forms"
PAGES = {"page": catalogue_page.page, "life_cycle": life_cycle_page.page}


@click.command()
@click.argument("kind", metavar="KIND", type=click.Choice([*KINDS, *PAGES, FORMS]))
@click.argument("code", metavar="[CODE]", required=False)
@options
@guarded
def catalogue(kind: str, code: str | None) -> None:
    """List a KIND of the rulebook, explain one CODE of it, or print a whole page.

    KIND is article, act, guard, state, sub_process, clock, agency, instrument, duty or silence;
    page and life_cycle are whole pages.

    With `forms`: everything that a form is drawn from as JSON, the JSON Schema of each act type's
    facts among it; with an act type as CODE that one alone.
    """
    shell = shell_of()
    if kind == FORMS:
        click.echo(dumped(_form(code)))
        return
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
        text = catalogue_page.explain(kind, code, shell.lang)
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


def _form(code: str | None) -> Mapping[str, Any]:
    """What forms are drawn from, of all act types or of one."""
    whole = forms.catalogue(load_edition())
    if code is None:
        return whole
    found = [one for one in whole["acts"] if one["act"] == code]
    if not found:
        misuse(
            Message(
                "The catalogue has no {kind} {code}. See: socai catalogue {kind}",
                kind="act",
                code=code,
            ),
        )
    return dict(found[0])
