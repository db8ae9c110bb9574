"""`ci-rlm restore`: an earlier checkpoint back in its place."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name", required=False)
def restore(folder: Path, name: str | None) -> int:
    """Put the earlier checkpoint NAME back into FOLDER; without NAME, list those that are kept.

    They are kept by `ci-rlm train --promote-if-better FOLDER`.
    """
    from ci_rlm.training import promote

    if name is None:
        kept = promote.earlier(folder)
        names = sorted(path.name for path in kept.iterdir()) if kept.is_dir() else []
        click.echo("\n".join(names) if names else f"{kept} keeps none", err=not names)
        return 0
    kept_now = promote.restore(folder, name)
    click.echo(f"{folder} holds {name}; what was there is {kept_now or 'nowhere: the folder was empty'}")
    return 0
