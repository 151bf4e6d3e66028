"""Calibration: combines bias, dark and flat frames to masters and applies them to raw frames."""
