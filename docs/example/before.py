"""What a sensor's readings say."""


def within(readings, low, high):
    """The readings from `low` to `high`."""
    kept = []
    for reading in readings:
        if low <= reading <= high:
            kept.append(reading)
    return kept


def distinct(readings):
    """Each reading once, in the order they came."""
    seen = set()
    kept = []
    for reading in readings:
        if reading not in seen:
            seen.add(reading)
            kept.append(reading)
    return kept


def largest_step(readings):
    """The largest difference of two neighbours."""
    largest = 0
    for i in range(1, len(readings)):
        largest = max(largest, abs(readings[i] - readings[i - 1]))
    return largest


def counted(readings):
    """How often each reading is there."""
    counts = {}
    for reading in readings:
        counts[reading] = counts.get(reading, 0) + 1
    return counts
