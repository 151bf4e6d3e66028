"""Functions as their hosts run them: the archive under the real runtime, the framework, a cloud on this machine."""
