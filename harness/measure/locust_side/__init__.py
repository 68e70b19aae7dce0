"""Hold the files that run inside Locust, beside the user's locustfile.

Locust loads each of them by path, as one more locustfile: it puts this folder on `sys.path` meanwhile, and
enters the file into `sys.modules` under its file name. So nothing else may be in this folder, and all names
begin with `harness_`: a `plugin.py` here would hide a module `plugin` of the user's. In a worker's container
the files have the same names.
"""
