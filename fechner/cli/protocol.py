"""``fechner protocol``: look at rating protocols, check them, and make one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Rating protocols: list, show, check, copy, and their schema."
)

Language = Annotated[str, typer.Option(help="Language of the texts, e.g. en or it.")]


@app.command("list")
def list_protocols() -> None:
    """List the protocols that come with fechner.

    Example: fechner protocol list
    """
    from fechner.cli.console import console, plain_table
    from fechner.protocols.files import languages
    from fechner.protocols.schema import load_protocol, shipped

    table = plain_table("protocol", "method", "languages", "scale", "follows", whole="protocol")
    for name in shipped():
        protocol = load_protocol(name)
        scale = f"{protocol.scale.minimum:g} to {protocol.scale.maximum:g}"
        follows = protocol.recommendation.split(",")[0].split(":")[0]
        table.add_row(name, protocol.method, " ".join(languages(name)), scale, follows)
    console.print(table)


@app.command()
def show(protocol: str, language: Language = "en") -> None:
    """Show a protocol as a participant meets it, with its numbers.

    Example: fechner protocol show acr --language it
    """
    from fechner.cli.console import console
    from fechner.protocols.describe import described
    from fechner.protocols.schema import load_protocol

    console.print(described(load_protocol(protocol, language=language)), markup=False)


@app.command()
def check(
    protocol: Annotated[str, typer.Argument(help="A shipped name or the path of a TOML file.")],
) -> None:
    """Check a protocol in every language it has: keys, labels, texts, letters of the font.

    Example: fechner protocol check my_study/acr.toml
    """
    from fechner.cli.console import console
    from fechner.errors import InputError
    from fechner.experiment.screens.fonts import check_font, find_font
    from fechner.protocols.files import languages
    from fechner.protocols.schema import load_protocol

    found = languages(protocol)
    if not found:
        raise InputError(
            f"{protocol} has no texts; write {Path(protocol).stem}.en.toml beside it "
            "(fechner protocol copy makes examples)"
        )
    for language in found:
        loaded = load_protocol(protocol, language=language)
        check_font(find_font(loaded.screen.font), loaded.texts.every_word, language=language)
        console.print(f"{loaded.name} {language}: good (sha256 {loaded.sha256})", markup=False)


@app.command()
def copy(
    protocol: Annotated[str, typer.Argument(help="A shipped protocol.")],
    folder: Annotated[Path, typer.Argument(help="Where the files go; made where missing.")],
    name: Annotated[str | None, typer.Option(help="The name of the copy.")] = None,
) -> None:
    """Copy a shipped protocol and its texts into a folder, to change them there.

    Example: fechner protocol copy acr my_study --name acr_mine
    """
    from fechner.cli.console import console
    from fechner.protocols.files import copy_protocol

    for path in copy_protocol(protocol, folder, name=name):
        console.print(str(path), markup=False)


@app.command()
def schema(
    texts: Annotated[bool, typer.Option("--texts", help="The schema of text files.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to this file.")] = None,
) -> None:
    """Print the JSON Schema of protocol files, for editors that check TOML.

    Example: fechner protocol schema --out protocol.schema.json
    """
    import json

    from fechner.protocols.methods import json_schema, texts_json_schema
    from fechner.provenance import write_json

    content = texts_json_schema() if texts else json_schema()
    if out is None:
        typer.echo(json.dumps(content, indent=1))
    else:
        write_json(out, content)
