from .catalog import load as load
from .catalog import write_public_set as write_public_set
from .checking import unknown_images as unknown_images
from .checking import unusable_images as unusable_images
from .description import describe as describe
from .labels import distribution as distribution
from .labels import spread as spread
