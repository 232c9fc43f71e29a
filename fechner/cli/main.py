"""``fechner`` and its command groups, and how every run ends.

A `FechnerError` ends in one line on the error stream and exit code 2, Ctrl-C in
one line and exit code 130, and a defect of ours in one line and exit code 1; with
``--debug`` anywhere on the command line the traceback is shown as well.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fechner import __version__
from fechner.cli import (
    channels,
    compress,
    data,
    degrade,
    layers,
    maps,
    network,
    protocol,
    report,
    session,
    stats,
    stimuli,
    study,
)
from fechner.cli.console import complaints
from fechner.cli.heatmaps import drawing, impact
from fechner.cli.options.result_names import check_names_of_results
from fechner.cli.orienting import doctor, folders
from fechner.errors import FechnerError, StoppedError, missing_package

DEBUG_FLAG = "--debug"


class OneLineErrors(TyperGroup):
    """The root group: turns what a command raises into one line and an exit code."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        check_names_of_results(self.commands)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the options that stand before the command."""
        try:
            return super().make_context(*args, **options)
        except Exception as error:
            raise (_of_usage(error) if _is_usage_error(error) else error) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, StoppedError) as stop:
            line = str(stop) or "stopped; what was finished is kept, the same command goes on"
            raise _ending(line, 130) from None
        except FechnerError as error:
            _trace_if_asked()
            raise _ending(f"error: {error}", 2) from None
        except ModuleNotFoundError as error:
            _trace_if_asked()
            told, code = missing_package(error) or f"{error}; run again with {DEBUG_FLAG}", 1
            if isinstance(told, FechnerError):
                code = 2
            raise _ending(f"error: {told}", code) from None
        except MemoryError:
            _trace_if_asked()
            raise _ending("error: out of memory; use fewer --jobs or smaller images", 2) from None
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            # Whoever read the output, such as head, has seen enough; Python would complain once
            # more when it closes the stream at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:
            if _is_usage_error(error):
                raise _of_usage(error) from None
            _trace_if_asked()
            line = f"unexpected {type(error).__name__}: {error}; run again with {DEBUG_FLAG}"
            raise _ending(line, 1) from None


def _is_usage_error(error: Exception) -> bool:
    return hasattr(error, "exit_code") and hasattr(error, "show")


def _of_usage(error: Any) -> Exception:
    """Return one line for a wrong option or argument; what asks for the help stays as it is."""
    message = error.format_message()
    if "\n" in message:
        return error
    command = error.ctx.command_path if error.ctx else "fechner"
    told = message.rstrip(".").replace("Value error, ", "").replace("Input should be", "expected")
    return _ending(f"error: {told}{_what_came(error)}; see {command} --help", 2)


def _what_came(error: Any) -> str:
    """Return what stood in the place of a value, where pydantic refused it: only it knows."""
    refused = getattr(error.__cause__, "errors", None)
    return f", got {refused()[0]['input']!r}" if callable(refused) else ""


def _ending(line: str, code: int) -> typer.Exit:
    complaints.print(" ".join(line.split()), markup=False)
    return typer.Exit(code)


def _trace_if_asked() -> None:
    if DEBUG_FLAG in sys.argv:
        complaints.print_exception()


app = typer.Typer(
    cls=OneLineErrors,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fechner {__version__}")
        raise typer.Exit


@app.callback()
def fechner(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG_FLAG, help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Find out which parts of an image matter for how good it looks, and prove it on people."""
    if context.invoked_subcommand is None:
        folders.show_beginnings()


WORK = "The whole way"
ROOMS = "Step by step"

app.command("demo", rich_help_panel=WORK)(study.demo)
app.add_typer(study.app, name="study", rich_help_panel=WORK)
app.add_typer(compress.app, name="compress", rich_help_panel=WORK)
app.add_typer(data.app, name="data", rich_help_panel=ROOMS)
app.command("status", rich_help_panel=WORK)(folders.show_status)
app.command("doctor", rich_help_panel=WORK)(doctor.show_doctor)
app.command("networks", rich_help_panel=ROOMS)(network.list_networks)
app.add_typer(network.app, name="network", rich_help_panel=ROOMS)
app.add_typer(channels.app, name="channels", rich_help_panel=ROOMS)
app.add_typer(layers.app, name="layers", rich_help_panel=ROOMS)
app.add_typer(maps.app, name="maps", rich_help_panel=ROOMS)
app.command("map", rich_help_panel=WORK)(drawing.draw_map)
app.command("impact", rich_help_panel=WORK)(impact.show_impact)
app.command("degrade", rich_help_panel=ROOMS)(degrade.degrade)
app.add_typer(stimuli.app, name="stimuli", rich_help_panel=ROOMS)
app.add_typer(protocol.app, name="protocol", rich_help_panel=ROOMS)
app.add_typer(session.app, name="session", rich_help_panel=ROOMS)
app.add_typer(stats.app, name="stats", rich_help_panel=ROOMS)
app.command("report", rich_help_panel=ROOMS)(report.report)


def main() -> None:
    """Run the command line; ``--debug`` is understood anywhere on it."""
    _print_what_can_be_printed()
    arguments = [word for word in sys.argv[1:] if word != DEBUG_FLAG]
    app(args=arguments, prog_name="fechner")


def _print_what_can_be_printed() -> None:
    """Print a question mark for a sign that the output cannot hold: a file on Windows, an old log.

    Names are the user's, and a tick or an ellipsis must not end a command whose work is done.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
