"""Read OpenAPI documents (2.0, 3.0 and 3.1) into the requests of a first locustfile."""
