"""nginx as the limit for files (one worker, TLS 1.3, the data space's certificate), and curl as the reader of both."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_CONF = """\
daemon off; pid {place}/nginx.pid; error_log {place}/error.log; worker_processes 1; {user}
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; client_body_temp_path {place}/b;
  proxy_temp_path {place}/p; fastcgi_temp_path {place}/f; uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
  server {{
    listen 127.0.0.1:{port} ssl; root {root}; ssl_protocols TLSv1.3;
    ssl_certificate {certs}/server.pem; ssl_certificate_key {certs}/server.key;
  }}
}}
"""


def found() -> bool:
    return shutil.which("nginx") is not None and shutil.which("curl") is not None


@asynccontextmanager
async def serving(root: Path, certs: Path, place: Path) -> AsyncIterator[str]:
    """The files below `root` as `https://localhost:PORT`."""
    place.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    user = "user root;" if Path("/root").owner() == root.owner() else ""
    (place / "nginx.conf").write_text(_CONF.format(place=place, root=root, certs=certs, port=port, user=user))
    command = ["nginx", "-e", f"{place}/error.log", "-c", f"{place}/nginx.conf", "-p", str(place)]
    with subprocess.Popen(command) as child:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
            yield f"https://localhost:{port}"
        finally:
            child.terminate()


async def read(url: str, ca: Path, *, token: str = "", tail: int = 0, into: str = "/dev/null") -> tuple[int, float]:
    """(bytes, seconds) of one curl over a connection of its own; ValueError if the answer is no success."""
    command = [
        "curl",
        "--silent",
        "--tlsv1.3",
        "--cacert",
        str(ca),
        "--output",
        into,
        "--write-out",
        "%{http_code} %{size_download} %{time_total}",
        url,
    ]
    command += ["--header", f"Authorization: Bearer {token}"] if token else []
    command += ["--range", f"-{tail}"] if tail else []
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    status, size, seconds = (await child.communicate())[0].decode().split()
    if status not in ("200", "206"):
        raise ValueError(f"{url}: {status}")
    return int(size), float(seconds)
