//! See tests/README.md: what this binary proves.
