"""The command line: one file for each command, imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

import typer

from segconnect.errors import SegconnectError

COMMANDS = {
    "demo": "Runs the main job on example exports, in a new account.",
    "serve": "Serves your own account over HTTP.",
    "account": "Accounts of your own, their integrations and API keys.",
    "channels": "Channels: lists, tests and changes the rules by which visits get theirs.",
    "connection": "Connections: where modules send to, and with which key.",
    "modules": "Lists what can be done to an account, and shows each field.",
    "send": "Runs one module alone, and prints its output.",
    "load": "Loads exports of well-known tools by the recipes that fit them.",
    "recipes": "Lists the exports that load knows, and shows their recipes.",
    "run": "Runs a scenario: from a source through a mapping to an account.",
    "runs": "Lists what ran, shows what became of it, and goes on with what rests.",
    "incomplete": "Bundles that wait at the module that failed, to be taken up again.",
    "worker": "Runs what is due, and goes on with the runs of processes that died.",
    "scenario": "Checks scenarios, converts them, and lets them start by themselves.",
    "report": "Reports: leads, revenue, ads, subscriptions and more, by whatever you like.",
    "forecast": "Forecasts lead value and customers' lifetime value, and how good that was.",
    "health": "Checks an account's data: copies, spellings, what is not linked, what mends it.",
    "reconcile": "Compares a processor's export with the account's orders, by day.",
    "export": "Writes the facts of an account as Parquet files, for a warehouse or Spark.",
    "attribute": "Credits channels with what a table of paths came to, without an account.",
    "eval": "Evaluates a mapping template against bundles.",
}
"""Each command and its help. `cli/NAME.py` holds `app`, a group, or `command`, a single one."""

FAILED = 2  # the exit code of a command that could not do its work


def build(arguments: Sequence[str]) -> typer.Typer:
    """Builds the command line with the command that is called; of the others, only the help."""
    app = typer.Typer(
        help="Carries contacts, orders, subscriptions and ad spend to SegMetrics.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, text in COMMANDS.items():
        if name != called:
            app.command(name, help=text)(_nothing)
            continue
        module = import_module(f"segconnect.cli.{name}")
        if hasattr(module, "app"):
            alone = module.app.registered_callback is not None  # it says what it does alone
            app.add_typer(module.app, name=name, help=text, no_args_is_help=not alone)
        else:
            app.command(name, help=text)(module.command)
    return app


def main() -> None:
    """Runs the command line; an error of ours is one line, and never a traceback."""
    arguments = sys.argv[1:]
    try:
        build(arguments)()
    except SegconnectError as error:
        typer.echo(f"segconnect: {error}", err=True)
        raise SystemExit(FAILED) from None
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _nothing() -> None:
    """Stands for a command that is not called."""


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"segconnect {version('segconnect')}")
        raise typer.Exit


def _root(
    _: bool = typer.Option(
        False, "--version", help="Shows the version.", is_eager=True, callback=_show_version
    ),
) -> None:
    """Carries contacts, orders, subscriptions and ad spend to SegMetrics."""
