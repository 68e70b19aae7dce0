"""Code that runs inside Locust, beside the user's locustfile.

Nothing else may lie in this folder: Locust puts it on `sys.path`."""
