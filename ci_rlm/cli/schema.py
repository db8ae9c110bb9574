"""`ci-rlm schema`: the JSON Schemas of what goes in and what comes out."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("what", type=click.Choice(["config", "report", "scoreboard"]))
def schema(what: str) -> int:
    """Print the JSON Schema (draft 2020-12) of the configuration, a JSON report or a scoreboard."""
    click.echo(json.dumps(_schema(what), indent=2))
    return 0


def _schema(what: str) -> dict[str, object]:
    if what == "config":
        from ci_rlm.config_schema import config_schema

        return config_schema()
    if what == "scoreboard":
        from ci_rlm.training import board

        return board.schema()
    from ci_rlm import render

    return render.schema()
