from .choosing.rated_features import Objective as Objective
from .choosing.sets import (
    ChannelSet as ChannelSet,
)
from .choosing.sets import (
    ChannelValues as ChannelValues,
)
from .choosing.sets import (
    parse_channel_sets as parse_channel_sets,
)
from .choosing.sets import (
    read_channels as read_channels,
)
from .evidence.agreement import layer_agreement as layer_agreement
from .evidence.selection import SelectionOptions as SelectionOptions
from .evidence.selection import select_among as select_among
from .layers.activations import activations as activations
from .layers.networks import (
    Network as Network,
)
from .layers.networks import (
    catalogue as catalogue,
)
from .layers.networks import (
    load_network as load_network,
)
from .maps.making import importance_maps as importance_maps
