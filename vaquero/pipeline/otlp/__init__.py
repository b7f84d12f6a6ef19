"""OTLP in protobuf: encoders of the three signals, and what receivers answer."""
