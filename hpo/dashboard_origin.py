"""Whether a request comes from the dashboard's own page, or from another site in a browser.

A browser names the site whose page makes a request, and no page can forge that (Origin,
Sec-Fetch-Site). What has neither header is no browser, and brings no user's rights along. The rule
for writes is that of Go's net/http.CrossOriginProtection.

The name in Host must be one of the dashboard's own. Else a page of evil.example, once its name has
been made to lead to 127.0.0.1, would be the same site as the dashboard (DNS rebinding).
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or host name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK_NAMES


def knows_host(header: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this dashboard; the port may be a tunnel's.

    An address is always ours, because a foreign page is reached by a name. `names` are lower case.
    """
    try:
        host = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    if host is None or set(header) & set("/\\@?# \t"):
        return False
    if host.rstrip(".") in names | LOOPBACK_NAMES:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def crosses_sites(environ: Mapping[str, object]) -> bool:
    """Whether a browser sent the request for a page of another site."""
    fetch_site = environ.get("HTTP_SEC_FETCH_SITE")
    if fetch_site is not None and fetch_site not in {"same-origin", "none"}:
        return True
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return False
    try:
        site = urlsplit(str(origin))
    except ValueError:
        return True
    # Not the scheme: a proxy may have taken TLS off.
    return not site.netloc or site.netloc != environ.get("HTTP_HOST")
