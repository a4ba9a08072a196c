"""The material of the book: one room a page, and what rooms share."""

LIBRARY = "stableminima"  # whose functions a claim's sides may not share, see ledgerbook.independence
# but for these: every side speaks of networks and data; the others compute nothing
COMMON_GROUND = ("stableminima.network", "stableminima.arguments", "stableminima.threads")
