from .claims.claim import Claim as Claim
from .claims.claim import read_claim as read_claim
from .done import done_key as done_key
from .done import read_done as read_done
from .done import write_done as write_done
from .images.files import (
    image_size as image_size,
)
from .images.files import (
    read_image as read_image,
)
from .images.files import (
    read_map_png as read_map_png,
)
from .images.files import (
    write_map_png as write_map_png,
)
from .images.files import (
    write_png as write_png,
)
from .journal import (
    JournalFolder as JournalFolder,
)
from .journal import (
    JournalRecord as JournalRecord,
)
from .journal import (
    read_journal as read_journal,
)
from .journal import (
    read_journals as read_journals,
)
from .layout import StudyFolder as StudyFolder
from .layout import read_study_folder as read_study_folder
from .maps import (
    ImportanceMap as ImportanceMap,
)
from .maps import (
    ImportanceMaps as ImportanceMaps,
)
from .maps import (
    read_map as read_map,
)
from .maps import (
    read_maps as read_maps,
)
from .maps import (
    write_maps as write_maps,
)
from .prediction import Prediction as Prediction
from .prediction import read_prediction as read_prediction
from .rated_images import (
    RatedImages as RatedImages,
)
from .rated_images import (
    read_rated_images as read_rated_images,
)
from .rated_images import (
    write_rated_images as write_rated_images,
)
from .ratings import (
    Ratings as Ratings,
)
from .ratings import (
    ratings_from_table as ratings_from_table,
)
from .ratings import (
    read_ratings as read_ratings,
)
from .ratings import (
    write_ratings as write_ratings,
)
from .scales import Scale as Scale
from .selection import (
    ChannelSelection as ChannelSelection,
)
from .selection import (
    SelectionStudy as SelectionStudy,
)
from .selection import (
    read_selection as read_selection,
)
from .stimuli import (
    Stimulus as Stimulus,
)
from .stimuli import (
    StimulusSet as StimulusSet,
)
from .stimuli import (
    StimulusTable as StimulusTable,
)
from .stimuli import (
    read_stimulus_set as read_stimulus_set,
)
from .stimuli import (
    read_stimulus_table as read_stimulus_table,
)
from .study import Study as Study
from .study import read_study as read_study
