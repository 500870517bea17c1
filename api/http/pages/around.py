"""Around one case: its deadlines, what it has to do with others, who read it under which act."""

from __future__ import annotations

from flask import Response, request

from api.http.pages.frame import ask, page, post_name, render, spoken
from api.http.pages.lists import older, without_cursor
from api.http.resources.access_log import list_reads
from api.http.resources.cases import get_case_durations, get_case_relations
from api.http.resources.common.served import enclave
from api.texts.case_words import acts_named, longest_step
from ledger.log.moment import unstamp


@page("/ho-so/<case>/thoi-han", get_case_durations)
def show_durations(case: str) -> Response:
    """How long each state and each step took, against its deadline and rule."""
    found = ask(get_case_durations, case=case)
    return render(
        "durations.html",
        spoken("durations_title"),
        of=found,
        case=case,
        body=found.body,
        named=acts_named(found.body),
        longest=longest_step(found.body),
    )


@page("/ho-so/<case>/lien-he", get_case_relations)
def show_relations(case: str) -> Response:
    """Other cases that the reader sees whole, and the way of what was passed on."""
    found = ask(get_case_relations, case=case)
    return render("relations.html", spoken("relations_title"), of=found, case=case, body=found.body)


@page("/nhat-ky-truy-cap", list_reads)
def show_reads() -> Response:
    """Reads under an order, an opening or a permit; looking is one itself."""
    found = ask(list_reads, request.args)
    read = {f"case/{one['case']}" for one in found.body["reads"] if one["case"]}
    return render(
        "reads.html",
        spoken("reads_title"),
        of=found,
        body=found.body,
        cases=enclave().queries.cases.called(read) if read else {},
        post_name=lambda agency, post, at: post_name(agency, post, unstamp(at)),
        case=request.args.get("case"),
        older=older(found),
        first=without_cursor() if "cursor" in request.args else None,
    )
