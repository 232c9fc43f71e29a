from .artefacts import read_artefacts as read_artefacts
from .page import write_report as write_report
