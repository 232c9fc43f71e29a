from .analysis.network.evidence.selection import SelectionOptions as SelectionOptions
from .analysis.network.layers.networks import load_network as load_network
from .analysis.network.maps.making import importance_maps as importance_maps
from .analysis.ratings.claims.tested_claim import claim as claim
from .compression.degrading.degrade import degrade as degrade
from .compression.formats.compress import compress as compress
from .experiment.exports.ratings import ratings_table as ratings_table
from .experiment.simulated.observers import simulated_panel as simulated_panel
from .experiment.starting.run_participant import run_participant as run_participant
from .records.journal.folder import read_journals as read_journals
from .records.maps import read_maps as read_maps
from .records.rated_images import RatedImages as RatedImages
from .records.rated_images import read_rated_images as read_rated_images
from .records.ratings import Ratings as Ratings
from .records.ratings import read_ratings as read_ratings
from .records.scales import Scale as Scale
from .records.selection import read_selection as read_selection
from .records.stimuli import read_stimulus_set as read_stimulus_set
from .stimuli.build import build_stimuli as build_stimuli
from .study.channels import select_channels as select_channels
from .study.heatmaps.heatmap import heatmap as heatmap
from .study.opening import open_study as open_study

__version__: str
