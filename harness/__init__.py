"""How many users does each container size sustain, and why no more?"""

from importlib.metadata import version

__version__ = version("capacity-harness")
