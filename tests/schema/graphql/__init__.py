"""Tests of `schema.graphql`."""
