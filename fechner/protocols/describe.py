"""A protocol in words: what a person who plans or reviews a study wants to read."""

from __future__ import annotations

from fechner.protocols.protocol import Protocol


def described(protocol: Protocol) -> str:
    """Return several lines: the course of a trial, the scale, the plan, the checks."""
    lines = [
        f"{protocol.name}: {protocol.title} ({protocol.language})",
        f"method {protocol.method}, rates {protocol.dimension}, sha256 {protocol.sha256}",
        f"follows: {protocol.recommendation}",
        "",
        f"asks: {protocol.texts.question}",
        *(f"  {value:>5g}  {label}" for value, label in protocol.labels),
        f"trial: {', '.join(_course(protocol))}",
        *([f"marks: {protocol.marks}"] if protocol.marks else []),
        f"plan: {', '.join(_numbers(protocol))}",
        f"screen: {_screen(protocol)}",
        f"checks: {_checks(protocol)}",
        *([f"vision: {protocol.tumbling_e}"] if protocol.tumbling_e else []),
        *([f"vision: {protocol.colour_plates}"] if protocol.colour_plates else []),
        *([f"comment: {protocol.comment}"] if protocol.comment else []),
        f"about {protocol.typical_trial_ms / 1000:.1f} s a trial",
        "",
        *(f"page {number}: {page}" for number, page in enumerate(protocol.texts.instructions, 1)),
    ]
    return "\n".join(lines)


def _course(protocol: Protocol) -> list[str]:
    timing = protocol.timing
    limit = timing.stimulus_limit_ms
    shown = "until the response" if limit is None else f"{limit:g} ms"
    steps = [
        ("fixation", timing.fixation_ms),
        ("reference", timing.reference_ms),
        ("grey", timing.gap_ms),
    ]
    words = [f"{name} {length:g} ms" for name, length in steps if length]
    wait = f" (no answer before {timing.minimum_view_ms:g} ms)" if limit is None else ""
    words.append(f"stimulus {shown}{wait}")
    after = [("mask", timing.mask_ms), ("interval", timing.interval_ms)]
    return words + [f"{name} {length:g} ms" for name, length in after if length]


def _numbers(protocol: Protocol) -> list[str]:
    trials = protocol.trials
    anchors = f" with anchors {' and '.join(trials.anchors)}" if trials.anchors else ""
    rest = f"a break every {trials.break_every} trials" if trials.break_every else "no breaks"
    return [
        f"{trials.practice} practice trials{anchors}",
        f"{trials.stabilising} stabilising",
        f"{trials.design} design",
        f"{trials.repeats} repeats",
        rest,
        f"at most {trials.session_minutes:g} minutes",
        f"no scene again within {trials.scene_gap} trials",
    ]


def _screen(protocol: Protocol) -> str:
    screen = protocol.screen
    return (
        f"grey {screen.background_grey}, {screen.distance_cm:g} cm away, "
        f"{screen.pixels_per_degree:g} pixels per degree, font {screen.font}"
    )


def _checks(protocol: Protocol) -> str:
    asked = ", ".join(question.name for question in protocol.screening) or "no questions"
    catch = protocol.catch
    passed = f"{catch.count} {catch.kind} catch trials, {100 * catch.pass_share:.0f} % to pass"
    consent = "consent, " if protocol.consent else ""
    return f"{consent}{asked}; {passed if catch.count else 'no catch trials'}"
