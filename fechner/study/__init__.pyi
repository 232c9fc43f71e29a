from .channels import select_channels as select_channels
from .opening import OpenStudy as OpenStudy
from .opening import open_study as open_study
from .steps import finish as finish
from .steps import run_to_people as run_to_people
from .steps import run_whole as run_whole
