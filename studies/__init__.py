"""The studies of the book, one a module: what is compared, on which data, and what was fixed when.

python -m ganvae_lib study NAME trains one and writes results/NAME.json. Not part of the installed library.
"""
