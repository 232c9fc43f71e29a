from .exports.forms import export as export
from .exports.ratings import (
    ratings_table as ratings_table,
)
from .exports.ratings import (
    write_ratings_table as write_ratings_table,
)
from .plan.audit import audit as audit
from .plan.plan import make_plan as make_plan
from .simulated.observers import simulated_panel as simulated_panel
from .starting.run_participant import run_participant as run_participant
from .verify import verify_session as verify_session
