from .balance import balance_table as balance_table
from .build import build_stimuli as build_stimuli
from .sheets import contact_sheet as contact_sheet
