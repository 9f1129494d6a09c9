"""The page of a run: one file with everything that it shows beside it, which needs no network and no server."""

from facecheck.report.html.page import PAGE, Extras, write_page

__all__ = ["PAGE", "Extras", "write_page"]
