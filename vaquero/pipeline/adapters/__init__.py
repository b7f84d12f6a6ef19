"""The pipeline behind the SDK's interfaces: for providers built by hand."""
