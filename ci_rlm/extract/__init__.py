"""Changed bytes to units, and units before to units after."""
