"""Certificates for 127.0.0.1, of an authority that nobody else trusts."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from tests.support.programs import need


def make_certificates(folder: Path) -> Path:
    """Put ``ca.pem``, and ``server`` and ``client`` with their keys, into a folder; returns it."""
    openssl = need("openssl")

    def call(*words: str) -> None:
        subprocess.run([openssl, *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    call(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca",
         "-addext", "keyUsage=keyCertSign,cRLSign")  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    by_ca = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    for name in ("server", "client"):
        call(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        call("x509", "-req", "-in", f"{name}.csr", *by_ca, "-days", "2", "-out", f"{name}.pem")
    return folder


def mutual_tls(folder: Path) -> ssl.SSLContext:
    """For a server with these certificates that asks its clients for one of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
