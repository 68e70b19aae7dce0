"""What the project claims about its own speed and accuracy, measured."""
