from dashboard_client import send

from hpo.dashboard import running
from hpo.dashboard_gate import Access
from hpo.dashboard_page import BANNER


def test_a_page_that_cannot_write_says_so_and_is_whole(database):
    with running(database.storage, host="127.0.0.1", port=0) as url:
        for path in ("/dashboard", "/dashboard/studies/1/trials", "/dashboard/"):
            page = send(url, "GET", path)
            assert page.status == 200
            assert BANNER in page.body.decode()
            assert page.body.rstrip().endswith(b"</html>")
            assert int(page.headers["Content-Length"]) == len(page.body)
            assert page.headers.get_all("Content-Type") == ["text/html; charset=UTF-8"]


def test_no_condition_brings_the_page_without_the_line_or_in_part(database):
    """A browser may hold the page of a dashboard that could write."""
    conditions = {"If-Modified-Since": "Tue, 01 Jan 2030 00:00:00 GMT", "Range": "bytes=0-9"}
    with running(database.storage, host="127.0.0.1", port=0) as url:
        page = send(url, "GET", "/dashboard", headers=conditions)
        assert page.status == 200
        assert BANNER in page.body.decode()
        assert send(url, "HEAD", "/dashboard").body == b""


def test_a_page_that_can_write_is_as_it_was(database):
    access = Access(allow_write=True)
    with running(database.storage, host="127.0.0.1", port=0, access=access) as url:
        assert "Read-only" not in send(url, "GET", "/dashboard").body.decode()
