"""The functions in the script of Cosmic Ray Rejection."""

FUNCTIONS = '''
def clean(path, frame, gain, read_noise, **options):
    """Return a mask of the hits, and the frame without hits."""
    with fits.open(path) as file:
        headers = [hdu.header for hdu in file]
    names = (("GAIN", "EGAIN"), ("RDNOISE", "READNOIS", "READNOISE"), ("SATURATE",))
    cards = [next((header[key] for key in keys for header in headers if key in header), None) for keys in names]
    gain = gain or cards[0] or 1.0
    read_noise = (cards[1] or 0.0) if read_noise is None else read_noise
    variance = science(path, ("VAR",))
    if variance is None and (error := science(path, ("ERR", "UNCERT"))) is not None:
        variance = error.astype(frame.dtype) ** 2
    bad = np.isnan(frame)
    hits, cleaned = astroscrappy.detect_cosmics(
        np.where(bad, 0, frame).astype("f4"),
        inmask=bad,
        invar=None if variance is None else np.where(bad, 1, variance).astype("f4"),
        gain=gain,
        readnoise=read_noise,
        satlevel=np.inf if cards[2] is None else cards[2] * gain,
        **options,
    )
    return hits & ~bad, cleaned
'''
