"""What tests of several folders share; nothing here imports from them."""
