"""Where loops run: the same words on every command, and the same results in any pool."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import typer

from fechner.cli.main import app
from fechner.cli.options.running import RUNNING
from fechner.executors import each_in_order, loops


def commands(group=None, name=""):
    """Give every command of the program with its name."""
    group = typer.main.get_command(app) if group is None else group
    for word, one in getattr(group, "commands", {}).items():
        yield from commands(one, f"{name} {word}".strip())
    if not hasattr(group, "commands"):
        yield name, {parameter.name: parameter for parameter in group.params}


def test_a_command_that_shares_its_work_takes_processes_and_a_cluster_in_the_same_words():
    sharing = {name: p for name, p in commands() if "jobs" in p or "cluster" in p}
    said = {
        (p[option].help, tuple(p[option].opts), p[option].rich_help_panel)
        for p in sharing.values()
        for option in ("jobs", "cluster")
    }
    assert len(said) == 2, said
    assert {panel for *_, panel in said} == {RUNNING}


def test_every_command_with_a_loop_over_images_folds_worlds_or_scenes_shares_it():
    sharing = {name for name, p in commands() if {"jobs", "cluster"} <= set(p)}
    assert sharing >= {
        "demo", "study run", "study finish", "compress run", "compress compare", "data check",
        "channels agree", "channels select", "channels compare", "layers run", "layers finetune",
        "maps make", "maps check", "maps judge", "maps against-people", "stimuli build",
        "stimuli import", "stats design", "network activations",
    }  # fmt: skip


def test_results_that_are_taken_in_turn_come_in_order_and_no_more_than_a_few_ahead(monkeypatch):
    monkeypatch.setattr(loops, "AHEAD", 3)
    begun = []

    def square(number):
        begun.append(number)
        return number**2

    with ThreadPoolExecutor(2) as pool:
        assert list(each_in_order(square, range(20), pool=pool)) == [n**2 for n in range(20)]
        begun.clear()
        taken = each_in_order(square, range(20), pool=pool)
        assert list(islice(taken, 2)) == [0, 1]
        taken.close()
    assert max(begun) < 2 + 3
    assert list(each_in_order(square, range(4))) == [0, 1, 4, 9]
