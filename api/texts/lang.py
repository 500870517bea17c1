"""The two languages of the product."""

from __future__ import annotations

from typing import Final, Literal, get_args

Lang = Literal["vi", "en"]
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)
