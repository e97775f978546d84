"""Three texts of 100 MB out of Debian 12's packages: prose, code, many languages. `python -m benchmarks.corpora`."""
