"""The doors: where words from outside leave the service, and the test that reads what arrives there.

Tickets, monthly reports and queries (KQL) are not doors, because the service writes none. A subscriber that
opens tickets gets events. All other responses are JSON: problems, the audit trail with its actors and
On-Behalf-Of, logs of deliveries, attention.
"""

from __future__ import annotations

from typing import Final

NO_WORD: Final = ""
"""The service writes all of it: it contains no word from outside."""

_WORDS: Final = "tests/words/test_doors.py::"
_SCRIPTS: Final = "tests/handover/test_shell.py::test_no_value_changes_what_a_script_does"

ENDPOINTS: Final = {
    ("get_handover", "text/plain"): _SCRIPTS,
    ("get_operation_handover", "text/plain"): _SCRIPTS,
    ("encrypt_secret", "text/plain"): NO_WORD,
    ("list_expirations", "text/csv"): f"{_WORDS}test_a_spreadsheet_runs_no_cell",
    ("list_expirations", "text/calendar"): f"{_WORDS}test_two_calendar_readers_find_the_same_event",
    ("read_feed", "text/calendar"): f"{_WORDS}test_two_calendar_readers_find_the_same_event",
    ("show_link", "text/html"): f"{_WORDS}test_a_page_shows_text",
    ("follow_link", "text/html"): f"{_WORDS}test_each_page_shows_text",
    ("show_consent", "text/html"): f"{_WORDS}test_each_page_shows_text",
    ("check_consent", "text/html"): f"{_WORDS}test_each_page_shows_text",
    ("show_consented", "text/html"): NO_WORD,
    ("get_tenant_setup", "text/html"): f"{_WORDS}test_bash_reads_each_word_back",
}
"""Responses of endpoints in a language other than JSON, by operation and media type."""

_CHAT: Final = "tests/unit/test_chat_services.py::test_no_word_changes_what_a_service_reads"
MESSAGES: Final = {
    "id": NO_WORD,
    "subject": f"{_WORDS}test_a_mail_has_one_subject",
    "text": f"{_WORDS}test_a_mail_shows_text",
    "html": f"{_WORDS}test_a_mail_shows_text",
    "markdown": _CHAT,
    "chat": _CHAT,
}
"""The forms of a message to people."""

OTHERS: Final = {
    "answer in JSON": "tests/words/test_types.py::test_a_word_is_kept",
    "event": f"{_WORDS}test_an_event_has_each_word",
    "log": f"{_WORDS}test_no_word_begins_a_line_of_the_log",
    "filter of Graph": f"{_WORDS}test_a_filter_of_graph_finds_exactly_the_name",
    "command for two shells": f"{_WORDS}test_bash_and_powershell_read_a_shared_word_alike",
    "name of a file": f"{_WORDS}test_the_name_of_a_file_has_no_word",
}
"""Doors that no endpoint describes."""


def tests() -> frozenset[str]:
    """The tests of all doors."""
    return frozenset((*ENDPOINTS.values(), *MESSAGES.values(), *OTHERS.values())) - {NO_WORD}
