"""``fechner compress``: smaller picture files, with the loss where it matters least.

``fechner compress PATHS`` compresses; ``fechner compress compare`` measures maps and encoders
against each other.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from fechner.cli.compressing.compare import compare
from fechner.cli.compressing.run import run


class _RunByDefault(TyperGroup):
    """A group whose arguments go to ``run`` unless they begin with a command's name.

    Help without a command is that of ``run``, so that its options are seen at once.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name before a path or an option."""
        if not args or args[0] not in self.commands:
            args = ["run", *(args or ["--help"])]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault, help="Make picture files smaller, with the loss where it matters least."
)
app.command()(run)
app.command()(compare)
