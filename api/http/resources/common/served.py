"""The enclave that the resources ask."""

from __future__ import annotations

from typing import cast

from api.http.framework.request_context import host
from api.ops.wiring.enclave import Enclave


def enclave() -> Enclave:
    """The one this application serves; never more than one."""
    return cast("Enclave", host())
