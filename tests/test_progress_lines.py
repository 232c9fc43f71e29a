"""Progress where nobody watches: lines in a log instead of a bar."""

from fechner.cli import console


def test_long_work_writes_a_line_now_and_then_and_short_work_none(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 61.0, 90.0, 3700.0, 3800.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console.bar("Channels") as progress:
        for done in (1, 2, 3, 4, 5):
            progress(done, 5)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "Channels: 2 of 5, 0:01:01, about 0:01:32 left",
        "Channels: 4 of 5, 1:01:40, about 0:15:25 left",
    ]
