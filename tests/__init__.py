import os
import sys

# Python starts hundreds of times in a run: what it compiled once is kept, whatever the machine says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
