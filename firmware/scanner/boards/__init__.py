"""The boards that the scanner runs on: pins, and what is made of them."""
