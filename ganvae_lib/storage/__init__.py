"""Files: found, downloaded, checked, and written whole."""

from .cards import read, read_card, write, write_card
from .downloads import ALTERED, download, local, verified
from .files import write_whole
from .locks import folder_lock
