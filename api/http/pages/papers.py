"""Documents and files of a case, who had them, and the case on paper."""

from __future__ import annotations

from flask import Response, request

from api.http.framework.admission import ANY
from api.http.framework.request_context import caller, now
from api.http.pages.frame import ask, form, given_out, page, post_name, posts_of, render, spoken
from api.http.pages.lists import older, without_cursor
from api.http.pages.timeline import page_of_timeline
from api.http.resources.attachments import (
    get_attachment_custody,
    list_copies,
    read_attachment,
    read_lower_attachment,
)
from api.http.resources.cases import list_case_acts
from api.http.resources.prints import read_case_print
from ledger.log.moment import unstamp


@page("/ho-so/<case>/tai-lieu", list_case_acts, twin_query=page_of_timeline)
def show_papers(case: str) -> Response:
    """Every document that an act names and every file that one lists, by act."""
    found = ask(list_case_acts, page_of_timeline(), case=case)
    listed = [
        (act, act["payload"].get("document"), act["payload"].get("attachments", ()))
        for act in found.body["acts"]
        if act["payload"]
    ]
    return render(
        "papers.html",
        spoken("papers_title"),
        of=found,
        case=case,
        papers=[(act, paper) for act, paper, _ in listed if paper],
        files=[(act, one) for act, _, brought in listed for one in brought],
        erased=any(act["erased_by"] for act in found.body["acts"]),
        documents=found.body.get("documents", ()),
        part=found.body.get("part"),
        older=older(found),
        first=without_cursor() if "cursor" in request.args else None,
    )


@page("/tep/<act_id>/<digest>", read_attachment, produces=ANY)
def give_file(act_id: str, digest: str) -> Response:
    """The file as it was received; that it was read is in its custody before a byte leaves."""
    return given_out(read_attachment, act_id=act_id, digest=digest)


@page("/ho-so/<case>/tep-cap-duoi/<act_id>/<digest>", read_lower_attachment, produces=ANY)
def give_lower_file(case: str, act_id: str, digest: str) -> Response:
    """A file of an act of a lower log, as it was taken in here."""
    return given_out(read_lower_attachment, case=case, act_id=act_id, digest=digest)


@page("/tep/<act_id>/<digest>/luu-giu", get_attachment_custody)
def show_custody(act_id: str, digest: str) -> Response:
    """Who added, attached, read and exported a file, and when."""
    found = ask(get_attachment_custody, act_id=act_id, digest=digest)
    events = found.body["events"]
    return render(
        "custody.html",
        spoken("custody_title"),
        of=found,
        body=found.body,
        posts={one["officer"]: posts_of(one["officer"], unstamp(one["at"])) for one in events},
    )


@page("/ho-so/<case>/ban-in", list_copies)
def show_copies(case: str) -> Response:
    """The register of copies, and the reader's own permits to print the case by."""
    found = ask(list_copies, case=case)
    return render(
        "copies.html",
        spoken("copies_title"),
        of=found,
        case=case,
        body=found.body,
        holders=[post_name(one["agency"], one["post"], now()) for one in found.body["permits"]],
        takers=[
            "; ".join(post_name(held["agency"], held["post"], unstamp(one["at"]))
                      for held in one["posts"])
            for one in found.body["copies"]
        ],
        own=[
            one for one in found.body["permits"]
            if one["standing"] == "STANDS" and one["officer"] == caller().officer
        ],
    )  # fmt: skip


@page("/ho-so/<case>/ban-in", read_case_print, method="POST", produces=ANY)
def print_case(case: str) -> Response:
    """The case for court, by a permit: a form, since each answer takes a number of it."""
    permit = form().get("permit", "")
    return given_out(read_case_print, {"permit": permit}, case=case)
