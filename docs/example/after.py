"""What a sensor's readings say."""


def within(readings, low, high):
    """The readings from `low` to `high`."""
    kept = []
    for reading in list(readings):
        if low <= reading <= high:
            kept.append(reading)
    return kept


def distinct(readings):
    """Each reading once, in the order they came."""
    kept = []
    for reading in readings:
        if reading not in kept:
            kept.append(reading)
    return kept


def largest_step(readings):
    """The largest difference of two neighbours."""
    largest = 0
    for place in range(1, len(readings)):
        step = abs(readings[place] - readings[place - 1])
        largest = max(largest, step)
    return largest


def counted(readings):
    """How often each reading came."""
    counts = {}
    for reading in readings:
        counts[reading] = counts.get(reading, 0) + 1
    return counts


def spread(readings):
    """From the least reading to the greatest."""
    return max(readings) - min(readings)
