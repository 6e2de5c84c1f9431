"""PgBouncer for tests, installed from the system's packages where root may do that."""

from debian_package import ONE_AT_A_TIME, install, may_install

from benchmarks.storage import bouncer


def missing() -> str | None:
    """Say why there is no PgBouncer; None where there is one, by now."""
    with ONE_AT_A_TIME:
        if bouncer.missing() is None or not may_install():
            return bouncer.missing()
        return install("pgbouncer") or bouncer.missing()
