from .describe import described as described
from .files import copy_protocol as copy_protocol
from .files import shipped as shipped
from .protocol import Protocol as Protocol
from .schema import load_protocol as load_protocol
