"""Tests of functions on their hosts: archives under the real runtime, functions-framework, a local cloud."""
