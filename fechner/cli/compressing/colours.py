"""A colour as people write it on a command line."""

from __future__ import annotations

from fechner.errors import InputError, nearest


def colour(text: str) -> tuple[int, int, int]:
    """Return the sRGB values, [0, 255], of a colour's name or number as CSS writes it.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> colour("white"), colour("#3080ff"), colour("rgb(1, 2, 3)")
    ((255, 255, 255), (48, 128, 255), (1, 2, 3))
    """
    from PIL import ImageColor

    try:
        return ImageColor.getcolor(text.strip(), "RGB")[:3]  # type: ignore[index,return-value]
    except ValueError as error:
        raise InputError(
            f"no colour is called {text!r}; {nearest(text, ImageColor.colormap)} Names are "
            "CSS's; numbers are written as #3080ff"
        ) from error
