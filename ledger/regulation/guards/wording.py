"""Guards on words: no person's identifier, no secrecy marking, no verdict early (G11, G14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from ledger.regulation.acts import text_lint
from ledger.regulation.case.corrections import path_of
from ledger.regulation.case.guard_input import GuardInput
from ledger.regulation.case.suspected_names import texts_of, texts_outside
from ledger.regulation.guards.breach import Breach

Text = tuple[str, str]
_LONGEST_TITLE: Final = 200


def no_person_identifier(q: GuardInput) -> Breach | None:
    """No free text, abstract or attachment name holds an identifier of a natural person (G14)."""
    return _first(_texts(q), partial(text_lint.identifiers, edition=q.edition), _joined(q))


def no_person_identifier_v2(q: GuardInput) -> Breach | None:
    """What is a person's for sure stands in no text; a report is taken all the same (G14)."""
    listed, _, as_one = _looked_at(q)
    if q.act.act in listed.never_refused or not listed.sure.candidates(as_one):
        return None
    return _first(_everything(q), partial(text_lint.sure_identifiers, edition=q.edition))


def name_suspected(q: GuardInput) -> Breach | None:
    """Flag: a text seems to name a person; it is withdrawn, put right or found harmless (G14)."""
    listed, apart, _ = _looked_at(q)
    if not listed.suspected.candidates(apart):
        return None
    suspects = text_lint.suspects
    hit = tuple([pointer for pointer, text in _everything(q) if suspects(text, q.edition)])
    return Breach(pointers=hit) if hit else None


def title_names_nobody(q: GuardInput) -> Breach | None:
    """The title of a case is one short line and seems to name nobody: it stands in lists (G14)."""
    pointer = "/facts/title"
    if q.act.act == "RecordCorrected":
        if path_of(str(q.facts.get("member")))[-1:] != ("title",):
            return None
        entry = q.stream.get(q.act.corrects or "", "CaseRegistered")
        pointer = "/facts/now" if entry is not None else ""
    text = q.facts.get(pointer.rpartition("/")[2])
    if not isinstance(text, str):
        return None
    plain = len(text) <= _LONGEST_TITLE and text.isprintable() and bool(text.strip())
    return (
        None if plain and not text_lint.suspects(text, q.edition) else Breach(pointers=(pointer,))
    )


def secret_mark_in_text(q: GuardInput) -> Breach | None:
    """In ordinary no text bears a secrecy marking, except the facts of StubReleased (4.4; G11)."""
    if q.level != "ordinary":
        return None
    find = partial(text_lint.secret_marks, edition=q.edition)
    if q.act.act == "StubReleased":
        return _first(_around(q), find)
    return _first(_texts(q), find, _joined(q))


def secret_mark_in_text_v2(q: GuardInput) -> Breach | None:
    """G11; 4.4. As before, and in small letters too; whoever reports may say what they heard."""
    if q.level != "ordinary":
        return None
    listed, _, as_one = _looked_at(q)
    if not listed.secret.candidates(as_one):
        return None
    breach = secret_mark_in_text(q)
    told = q.act.act in listed.never_refused or q.act.act == "StubReleased"
    if breach is not None or told:
        return breach
    return _first(_texts(q), partial(text_lint.secret_words, edition=q.edition), _joined(q))


def neutral_words(q: GuardInput) -> Breach | None:
    """Flag: before a finding stands, free text uses words that prejudge (4.2)."""
    if q.stream.finding is not None:
        return None
    listed, _, as_one = _looked_at(q)
    if not listed.words.candidates(as_one):
        return None
    return _first(_facts(q), lambda text: text_lint.words_to_avoid(text, q.day, q.edition))


def _facts(q: GuardInput) -> Sequence[Text]:
    found: Sequence[Text] | None = q.memo.get("facts")
    if found is None:
        found = q.memo["facts"] = q.kind.texts(q.facts)
    return found


def _everything(q: GuardInput) -> Sequence[Text]:
    """All that the act says freely, in and outside its facts."""
    found: Sequence[Text] | None = q.memo.get("everything")
    if found is None:
        # of a form with fewer facts those of all forms, as by whoever shows the act
        same = q.kind is q.catalogue.types.get(q.act.act)
        found = (
            [*_facts(q), *texts_outside(q.act.members)] if same else [*texts_of(q.act, q.edition)]
        )
        q.memo["everything"] = found
    return found


class _Look(NamedTuple):
    """What all that holds, and the lists it is held against: most acts hold nothing of them."""

    lists: text_lint.Lists
    apart: text_lint.Traits
    as_one: text_lint.Traits


def _looked_at(q: GuardInput) -> _Look:
    found: _Look | None = q.memo.get("look")
    if found is None:
        apart = text_lint.traits_of([text for _, text in _everything(q)])
        found = q.memo["look"] = _Look(text_lint.lists(q.edition), apart, apart.as_one())
    return found


def _around(q: GuardInput) -> list[Text]:
    """Texts outside the facts."""
    act = q.act
    found = [(f"/attachments/{n}/name", str(a["name"])) for n, a in enumerate(act.attachments)]
    if act.document is not None:
        found.append(("/document/abstract", str(act.document["abstract"])))
    if act.late_reason is not None:
        found.append(("/late_reason", act.late_reason))
    return found


def _texts(q: GuardInput) -> Sequence[Text]:
    found: Sequence[Text] | None = q.memo.get("texts")
    if found is None:
        found = q.memo["texts"] = [*_facts(q), *_around(q)]
    return found


def _joined(q: GuardInput) -> str:
    """All texts as one, so that the clean case costs one pass; a line break keeps them apart."""
    found: str | None = q.memo.get("joined")
    if found is None:
        found = q.memo["joined"] = "\n".join(text for _, text in _texts(q))
    return found


def _first(
    texts: Sequence[Text], find: Callable[[str], list[str]], joined: str | None = None
) -> Breach | None:
    if not find("\n".join(text for _, text in texts) if joined is None else joined):
        return None
    hit = tuple(pointer for pointer, text in texts if find(text))
    if not hit:
        return None
    return Breach({"member": ", ".join(p.removeprefix("/facts/").lstrip("/") for p in hit)}, hit)
