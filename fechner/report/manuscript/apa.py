"""Statistics as a psychology journal prints them (APA Publication Manual, 7th edition, ch. 6).

Two decimals; statistics in italics (Markdown's asterisks); no zero before the point where a
number cannot exceed 1; p to three decimals, or below .001.
"""

from __future__ import annotations

from fechner.records.contrasts.contrast import Contrast
from fechner.records.contrasts.family import EffectSize
from fechner.records.prediction import Correlation

GAP, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"


def decimals(value: float, digits: int = 2) -> str:
    """Return a number with that many decimals and a proper minus.

    >>> decimals(-0.456), decimals(1234.5, 1)
    ('−0.46', '1,234.5')
    """
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def share(value: float, digits: int = 2) -> str:
    """Return a number that cannot exceed 1, without the zero before the point.

    >>> share(0.456), share(-0.3), share(1.0)
    ('.46', '−.30', '1.00')
    """
    return decimals(value, digits).replace("0.", ".", 1) if abs(value) < 1 else decimals(value)


def p_of(p: float) -> str:
    """Return a p value with its sign.

    >>> [p_of(p).replace(GAP, " ") for p in (0.0001, 0.0416)]
    ['*p* < .001', '*p* = .042']
    """
    return f"*p*{GAP}<{GAP}.001" if p < 0.001 else f"*p*{GAP}={GAP}{share(p, 3)}"


def interval_of(low: float, high: float, level: float, *, within_one: bool = False) -> str:
    """Return an interval: ``95 % CI [0.10, 0.20]``; shares are written without the zero."""
    shown = share if within_one else decimals
    return f"{100 * level:g}{GAP}% CI [{shown(low)}, {shown(high)}]"


def contrast_in_words(
    row: Contrast, level: float, effect: EffectSize | None = None, *, unit: str = "points"
) -> str:
    """Return estimate, test, interval and effect size of a contrast.

    Parameters
    ----------
    row
        The contrast.
    level
        Of its interval.
    effect
        d with its interval, where it is known.
    unit
        Of the estimate, in words.

    Examples
    --------
    >>> row = Contrast(
    ...     name="low - high", model="closed form", estimate=5.0, standard_error=2.0, low=0.6,
    ...     high=9.4, df=11.25, p=0.029, n_participants=12, n_images=14,
    ... )
    >>> contrast_in_words(row, 0.95).replace(GAP, " ")
    '*M* = 5.00 points, *t*(11.25) = 2.50, *p* = .029, 95 % CI [0.60, 9.40]'
    """
    kind = "z" if row.df is None else "t"
    df = "" if row.df is None else f"({decimals(row.df, 0 if row.df == round(row.df) else 2)})"
    t = decimals(row.estimate / row.standard_error) if row.standard_error > 0 else "not defined"
    parts = [
        f"*M*{GAP}={GAP}{decimals(row.estimate)}{' ' * bool(unit)}{unit}",
        f"*{kind}*{df}{GAP}={GAP}{t}",
        p_of(row.p),
        interval_of(row.low, row.high, level),
    ]
    if effect is not None:
        ends = interval_of(effect.low, effect.high, level)
        parts.append(f"*d*{GAP}={GAP}{decimals(effect.d)}, {ends}")
    return ", ".join(parts)


def correlation_in_words(found: Correlation, level: float, *, symbol: str = "r") -> str:
    """Return a correlation with its test and interval.

    Examples
    --------
    >>> found = Correlation(r=0.62, p=0.0012, df=22, low=0.29, high=0.82)
    >>> correlation_in_words(found, 0.95).replace(GAP, " ")
    '*r*(22) = .62, *p* = .001, 95 % CI [.29, .82]'
    """
    interval = interval_of(found.low, found.high, level, within_one=True)
    return f"*{symbol}*({found.df}){GAP}={GAP}{share(found.r)}, {p_of(found.p)}, {interval}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: ``1 image``, ``12 images``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """Return words as a list: ``a``, ``a and b``, ``a, b, and c``."""
    if len(words) < 3:
        return " and ".join(words)
    return ", ".join(words[:-1]) + f", and {words[-1]}"
