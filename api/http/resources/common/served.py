"""The enclave that the resources ask."""

from __future__ import annotations

from typing import cast

from flask import current_app

from api.ops.wiring import Enclave


def enclave() -> Enclave:
    """The one this application serves; never more than one."""
    return cast("Enclave", current_app.extensions["socai"])
