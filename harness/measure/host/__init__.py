"""Read and use this machine's processor."""
