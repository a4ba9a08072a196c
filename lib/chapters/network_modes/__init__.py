"""Chapter VII: the network as a switching system (S43–S60)."""

PAGE = "07_network_modes"
CHAPTER = "VII"
