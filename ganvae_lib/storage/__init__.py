"""Files: found, downloaded, checked, and written whole."""

from .cards import read, write
from .downloads import ALTERED, download, local, verified
