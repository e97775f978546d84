"""What tokun's figures are."""
