"""Describe what a matrix and a target file may say."""
