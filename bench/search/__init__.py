"""Compare the harness's search with other strategies on simulated targets."""
