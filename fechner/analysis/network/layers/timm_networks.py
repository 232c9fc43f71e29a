"""Any network of timm, under the name ``timm:NAME``, with weights from a file.

Nothing is downloaded. timm knows the architecture, the usual input and where published weights
are; transformers are built so that they take images of any size where timm can do that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fechner.analysis.network.layers.architectures import Architecture
from fechner.errors import InputError, nearest

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm:"

_ANY_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {},
)
"""Options by which a model takes any size, the most able first: not every model has them."""


def timm_architecture(name: str) -> Architecture:
    """Return what is to be known of ``timm:NAME`` before it is built.

    Mean and SD of the input are those of the tag behind the name
    (``vit_base_patch16_clip_224.openai``), or of timm's default weights without one: the file
    must be of that tag.

    Raises
    ------
    InputError
        If timm has no such model.
    """
    import timm

    wanted = name.removeprefix(PREFIX)
    if not timm.is_model(wanted.partition(".")[0]):
        raise InputError(f"timm has no model {wanted!r}; {nearest(wanted, timm.list_models())}")
    try:
        known = timm.get_pretrained_cfg(wanted)
    except RuntimeError as error:
        tags = timm.list_pretrained(f"{wanted.partition('.')[0]}.*")
        raise InputError(f"timm has no weights {wanted!r}; {nearest(wanted, tags)}") from error
    if known is None:
        raise InputError(f"timm says not what input {wanted!r} expects; use another model")
    head = known.classifier[0] if isinstance(known.classifier, tuple) else known.classifier
    return Architecture(
        name=name,
        family="timm",
        default_layer="",
        layers=(),
        head=head or "",
        make=lambda: _build(wanted),
        url=f"https://huggingface.co/{known.hf_hub_id}"
        if known.hf_hub_id
        else str(known.url or ""),
        licence=f"{known.license or 'licence not stated'} (weights), Apache-2.0 (timm)",
        fetch=False,
        mean=known.mean,
        sd=known.std,
        usual=known.input_size[-2:],
    )


def _build(name: str) -> nn.Module:
    import timm

    for options in _ANY_SIZE:
        try:
            return timm.create_model(name, pretrained=False, **options)
        except TypeError:
            if not options:
                raise
    raise AssertionError("the last options are none")


def last_features(module: nn.Module, readable: tuple[str, ...]) -> str:
    """Return the layer at the end of timm's last stage, or the last readable one."""
    stages = getattr(module, "feature_info", None)
    name = stages[-1].get("module", "") if isinstance(stages, list) and stages else ""
    return name if name in readable else readable[-1]
