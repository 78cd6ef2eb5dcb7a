"""What tests in several folders share; nothing here imports from those folders."""
