"""What only the facade needs: ``vaquero.span``, ``vaquero.trace`` and what they share."""
