"""`qsup schema`."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of queues.yaml; an editor that knows it completes and checks the file as you type."""
    from qsup.schema import schema as make

    click.echo(json.dumps(make(), indent=2, ensure_ascii=False))
