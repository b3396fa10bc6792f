"""pygal, without its hook on imports: that is for plugins of its own, and pytest, which looks for modules too, stumbles
over it.
"""

import sys

import pygal
from pygal.style import Style

sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

__all__ = ["Style", "pygal"]
