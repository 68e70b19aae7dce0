"""The files that Locust loads before the user's locustfile.

Locust loads each file by its path, like a locustfile. Meanwhile this folder is on `sys.path`, and the file
stays in `sys.modules` under its file name. Therefore nothing else may be in this folder, and all file names
begin with `harness_`: a `plugin.py` would hide the user's own module `plugin`. In a worker's container the
files have the same names.
"""
