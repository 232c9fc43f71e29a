from .files import (
    check_header as check_header,
)
from .files import (
    image_size as image_size,
)
from .files import (
    read_image as read_image,
)
from .files import (
    read_map_png as read_map_png,
)
from .files import (
    write_map_png as write_map_png,
)
from .files import (
    write_png as write_png,
)
