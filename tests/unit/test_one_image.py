"""Enclaves of all levels are one program: what one below sees of it tells nothing of one above."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

ROOT: Final = Path(__file__).parents[2]


def test_a_level_is_configuration_and_no_image_of_its_own() -> None:
    """access.md L23: one image everywhere, so that versions are those of every level."""
    file: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    for name, service in file["services"].items():
        made = (service["image"], service.get("build", ""), service.get("hostname", ""))
        assert "$" not in str(made), name
        assert "container_name" not in service, name
    for made_from in ("Dockerfile", "pyproject.toml"):
        text = (ROOT / made_from).read_text("utf-8")
        assert "LEVEL" not in text, made_from


def test_no_certificate_names_a_level_and_each_has_secrets_of_its_own() -> None:
    """access.md L23: neutral names, and nothing that signs for two networks."""
    lines = (ROOT / "Makefile").read_text("utf-8").split("\nsecrets:")[1].split("\n\n")[0]
    asked = [line for line in lines.splitlines() if "-subj" in line or "subjectAltName" in line]
    assert asked
    assert not [line for line in asked if "LEVEL" in line]
    assert "-keyout $(SECRETS_DIR)/proxy.key -out $(SECRETS_DIR)/proxy.crt" in lines
