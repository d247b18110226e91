"""The fault matrix: what breaks, what is shown, what is refused, what survives, and the tests that hold it.

A test that proves a case elsewhere is named here, not written twice. ``make faults`` runs them and prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = "tests/faults/test_cluster_faults.py"
WATCH = "tests/cluster_reading/test_watching.py"
FEED = "tests/cluster_reading/test_feed.py"
ROUTES = "tests/cluster_reading/test_routes.py"
PLUGINS = "tests/cluster_reading/test_credentials.py"
CLIENT = "tests/playbooks/test_client.py"
STORE = "tests/audit/test_store.py"
TAMPERING = "tests/audit/test_tampering.py"
REFUSALS = "tests/acceptance/test_refusals.py"
STOPS = "tests/acceptance/test_interruptions.py"
ENDING = "tests/execution/test_ending.py"
RUNS = "tests/execution/test_runs.py"
CONSOLE = "tests/ui/test_console.py"
FILES = "tests/faults/test_files.py"
IDENTITIES = "tests/faults/test_identity_faults.py"
TERMINAL = "tests/faults/test_terminal.py"
RECORDS = "tests/faults/test_record_faults.py"
IN_A_RUN = "tests/faults/test_run_faults.py"
BREAKS = f"{CLUSTER}::test_it_is_shown_refused_survived_and_over_by_itself"
BROKEN_WATCH = f"{CLUSTER}::test_a_broken_watch_is_opened_anew_and_misses_nothing"

ALL_WRITES = "every write, with its command"
ROWS = "the last rows, marked stale; the record"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Case:
    """One row. ``long`` ones need the real control plane, real playbooks or a terminal."""

    area: str
    fault: str
    shown: str
    refused: str
    survives: str
    tests: tuple[str, ...]
    long: bool = False

    @property
    def on_request(self) -> bool:
        """Whether the suite leaves it to ``make faults``."""
        return f"{self.area}: {self.fault}" in ON_REQUEST


def _api(fault: str, shown: str, key: str, survives: str = ROWS) -> Case:
    return Case("API server", fault, shown, ALL_WRITES, survives, (f"{BREAKS}[{key}]",))


def _record(fault: str, shown: str, key: str) -> Case:
    test = f"{RECORDS}::test_while_it_cannot_be_written_nothing_is_and_afterwards_all_is_well[{key}]"
    return Case("record", fault, shown, ALL_WRITES, "views; the chain", (test,))


def _watch(fault: str, key: str) -> Case:
    shown = "nothing lost: listed anew"
    return Case("API server", fault, shown, NOTHING, "rows and rights", (f"{BROKEN_WATCH}[{key}]",))


API = (
    _api("stopped and started again", "stale, with the address", "stopped"),
    Case("API server", "crashed (real)", "stale", ALL_WRITES, ROWS,
         (f"{FEED}::test_a_crashed_api_server_is_waited_for",), long=True),
    _api("certificate of a stranger", "stale: certificate", "wrong-certificate"),
    Case("API server", "certificate of a stranger (real)", "not trusted", "every request", "the record",
         (f"{ROUTES}::test_another_authority_is_not_trusted",), long=True),
    _api("answers 500", "stale: 500", "500"),
    _api("answers 503", "stale: 503", "503"),
    _api("answers 429 with Retry-After", "stale, and the wait is kept", "429"),
    Case("API server", "429 in the middle of a run", "the wait", NOTHING, "the write is sent once more",
         (f"{CLIENT}::test_a_throttled_write_waits_as_long_as_told_and_is_sent_again",)),
    _api("half an answer", "stale", "half-answers"),
    _api("silent: no FIN, no answer", "stale: no answer", "silent"),
    _api("too slow to wait for", "stale", "too-slow"),
    _watch("watch cut", "cut"),
    _watch("rubbish in a watch", "rubbish"),
    _watch("410: version gone", "410"),
    Case("API server", "410 in a stream and in a list", "stale, then listed anew", NOTHING, "unchanged objects",
         (f"{WATCH}::test_410_lists_again", f"{WATCH}::test_a_list_whose_token_expired_begins_again")),
    Case("API server", "a watch goes silent (real)", "listed anew", NOTHING, "rows",
         (f"{FEED}::test_a_watch_that_goes_silent_without_a_word_is_noticed",), long=True),
    Case("API server", "hangs up at once, again and again", "stale", NOTHING, "the server: growing pauses",
         (f"{WATCH}::test_a_server_that_hangs_up_at_once_is_not_asked_in_a_tight_loop",)),
    Case("API server", "another cluster under the address", "the other one's objects", "the previewed write",
         "the other cluster, untouched",
         (f"{CLUSTER}::test_another_cluster_under_the_same_address_gets_no_write",)),
    Case("API server", "clusters change places again and again", "one of them, never both", NOTHING,
         "each kind is proved to be of one",
         (f"{CLUSTER}::test_clusters_that_change_places_again_and_again_are_never_mixed",)),
    _api("namespace gone while watched (404)", "absent", "namespace-gone", "posdeck; no rows are kept"),
    Case("API server", "metrics API goes and comes back", "absent, no numbers kept", NOTHING, "all other rows",
         (f"{IDENTITIES}::test_the_metrics_api_goes_and_comes_back",)),
    Case("API server", "bound to another cluster", "read-only, and why", ALL_WRITES, "the namespace",
         (f"{REFUSALS}::TestBinding",), long=True),
    Case("API server", "connections refused (real)", "stale, with the address", ALL_WRITES, ROWS,
         (f"{FEED}::test_an_outage_is_shown_and_passes_by_itself",), long=True),
    Case("API server", "namespace deleted and made anew (real)", "does not exist", "every write", "the new one's objects",
         (f"{FEED}::test_a_namespace_deleted_under_it_is_said_and_its_successor_watched",), long=True),
    Case("API server", "namespace deleted", "does not exist", "every write", "posdeck itself",
         (f"{FEED}::test_a_missing_namespace_is_said",)),
    Case("API server", "namespace made anew", "the new one's objects", "what was previewed", "nothing is mixed",
         (f"{FEED}::test_a_recreated_namespace_is_noticed",)),
    Case("API server", "metrics API gone or withheld", "not installed, or which right", NOTHING,
         "everything else", ("tests/cluster_reading/test_metrics.py::test_each_reason_is_told_and_passes",)),
    Case("API server", "connection lost after a write was sent", "unknown, never success", "the next one",
         "no second write", (f"{CLIENT}::test_a_write_whose_answer_is_lost_is_unknown_and_not_repeated",
                             "tests/playbooks/test_writing.py::test_a_lost_answer_is_settled_as_unknown")),
)  # fmt: skip

IDENTITY = (
    _api("token expired (401)", "login expired", "401"),
    _api("rights taken away (403)", "forbidden, with the right", "403", "posdeck; no rows are kept"),
    Case("identity", "rights taken and given back (real)", "forbidden", ALL_WRITES, "back by itself",
         (f"{FEED}::test_rights_taken_away_and_given_back",), long=True),
    Case("identity", "credential plugin missing", "its name and hint", "every request", "the rest",
         (f"{PLUGINS}::test_a_missing_plugin_is_named",)),
    Case("identity", "credential plugin hangs", "its name", "every request", "it is ended",
         (f"{PLUGINS}::test_a_hanging_plugin_is_ended",)),
    Case("identity", "credential plugin fails", "what it said", "every request", "asked rarely",
         (f"{PLUGINS}::test_a_failing_plugin_is_explained",
          f"{PLUGINS}::test_a_failing_plugin_is_not_run_by_every_watch")),
    Case("identity", "plugin's token expires", "nothing: renewed", NOTHING, "rows",
         (f"{PLUGINS}::test_a_refused_token_is_replaced_by_another_run",)),
    Case("identity", "login ends, plugin asks to log in", "expired, in the plugin's words", ALL_WRITES,
         "rows; back with the login",
         (f"{IDENTITIES}::test_a_login_that_ends_is_told_in_the_plugins_words_and_is_back_by_itself",)),
    Case("identity", "client certificate expired", "since when, and what to renew", ALL_WRITES,
         "rows; back with its successor",
         (f"{IDENTITIES}::test_an_expired_client_certificate_is_told_and_its_successor_used[server]",)),
    Case("identity", "client certificate refused by TLS", "since when it has expired", ALL_WRITES,
         "rows; back with its successor",
         (f"{IDENTITIES}::test_an_expired_client_certificate_is_told_and_its_successor_used[tls]",)),
    Case("identity", "client certificate expired (real)", "since when, and what to renew", "every request",
         "back with its successor",
         (f"{IDENTITIES}::test_a_real_server_refuses_an_expired_certificate_until_there_is_another",), long=True),
    Case("identity", "kubeconfig leads elsewhere by now", "login expired", "the other server", "the rows, and where we are",
         (f"{IDENTITIES}::test_a_kubeconfig_that_leads_elsewhere_by_now_is_not_followed",)),
    Case("identity", "rights given after the start", "forbidden", ALL_WRITES, "used within seconds",
         (f"{IDENTITIES}::test_rights_given_after_the_start_are_used_within_seconds",)),
    Case("identity", "clock set forward", NOTHING, NOTHING, "rows, writes, the chain",
         (f"{IDENTITIES}::test_a_clock_that_is_set_disturbs_nothing[forward]",)),
    Case("identity", "clock set back", NOTHING, NOTHING, "rows, writes, the chain",
         (f"{IDENTITIES}::test_a_clock_that_is_set_disturbs_nothing[back]",)),
    Case("identity", "viewer tries to write (real)", "which right is missing", "the write", "the record of it",
         (f"{REFUSALS}::test_a_viewer_sees_everything_and_may_restart_nothing",), long=True),
)  # fmt: skip

RECORD = (
    _record("locked while open", "who to look for", "locked-held by another process"),
    _record("disk full while open", "how much is missing", "full-MiB free"),
    _record("overwritten while open", "that it is damaged", "corrupt-damaged"),
    _record("replaced while open, put back", "that it was exchanged", "replaced-replaced while in use"),
    Case("record", "folder and store read-only", "which folder", "the write, before it", "views; the chain",
         (f"{RECORDS}::test_a_read_only_store_refuses_until_it_can_be_written",), long=True),
    Case("record", "file system really full", "which folder", "the write, before it", "views; the chain",
         (f"{RECORDS}::test_a_file_system_without_a_free_byte_refuses_until_there_is_room",), long=True),
    Case("record", "two posdecks act on one target", "who holds it", "the second write", "one record; then the second",
         (f"{RECORDS}::test_two_posdecks_share_one_record_and_one_of_them_acts",)),
    Case("record", "disk full when the outcome is due", "not recorded yet, tried again", NOTHING, "the outcome, once there is room",
         (f"{IN_A_RUN}::test_a_disk_that_is_full_when_the_outcome_is_due_gets_it_as_soon_as_there_is_room",), long=True),
    Case("record", "store locked by another", "who to look for", ALL_WRITES, "the chain",
         (f"{STORE}::TestManyWriters::test_a_store_held_by_another_is_an_error_that_says_so",)),
    Case("record", "store locked, folder gone or no database, in a run", "no record, no change", "the write",
         "the cluster, untouched", (f"{REFUSALS}::TestRecord",), long=True),
    Case("record", "disk full", "how much is missing", "the write, before it", "the chain",
         (f"{STORE}::TestCustody::test_too_little_space_is_found_before_an_act",)),
    Case("record", "quota of the state folder full", "that it cannot be written", "the write, before it",
         "the chain", (f"{IDENTITIES}::test_a_full_quota_refuses_the_write_before_it",)),
    Case("record", "store corrupt", "no database", ALL_WRITES, "the file, as it is",
         (f"{STORE}::TestCustody::test_a_file_that_is_no_database_is_refused",)),
    Case("record", "store cut short", "CHANGED, and where", ALL_WRITES, "what is left",
         (f"{TAMPERING}::test_a_file_cut_short",)),
    Case("record", "store replaced while open", "that it was exchanged", ALL_WRITES, "both files",
         (f"{STORE}::TestCustody::test_a_file_exchanged_while_open_is_noticed",)),
    Case("record", "an old copy put back", "records are missing", ALL_WRITES, "the copy",
         (f"{STORE}::TestCustody::test_an_old_copy_put_back_is_refused_for_writing",)),
    Case("record", "two posdecks and their threads write", NOTHING, NOTHING, "one chain without a fork",
         (f"{STORE}::TestManyWriters::test_two_processes_and_their_threads_never_fork_the_chain",)),
    Case("record", "killed between intent and outcome", "unknown", NOTHING, "the intent",
         (f"{STORE}::TestLostActs::test_after_a_kill_the_intent_is_there_open_and_unknown",)),
    Case("record", "clock turned back", "remarked", NOTHING, "the order of the chain",
         (f"{STORE}::TestRecords::test_a_clock_that_goes_back_is_remarked_and_no_fault",)),
)  # fmt: skip

RUN = (
    Case("run", "posdeck killed (-9) in an act", "settled at the next start", NOTHING, "the record; no process",
         (f"{STOPS}::test_a_killed_posdeck_leaves_nothing_running_and_the_next_start_settles_the_record",),
         long=True),
    Case("run", "posdeck stopped, terminal closed", "cancelled, as on_cancel says", NOTHING, "the record",
         (f"{STOPS}::test_a_stopped_posdeck_ends_as_on_cancel_says",), long=True),
    Case("run", "playbook over its time", "stopped, failed", NOTHING, "nothing runs on",
         (f"{ENDING}::test_a_run_over_its_time_is_stopped_and_has_failed",), long=True),
    Case("run", "supervisor killed", "lost, to be settled", NOTHING, "nothing runs on",
         (f"{ENDING}::test_a_killed_supervisor_means_a_lost_run_of_which_nothing_is_left",), long=True),
    Case("run", "playbook killed", "incomplete, never success", NOTHING, "nothing runs on",
         (f"{RUNS}::test_a_playbook_that_dies_on_the_way_is_incomplete",
          f"{ENDING}::test_a_killed_host_means_an_incomplete_run_of_which_nothing_is_left"), long=True),
    Case("run", "playbook prints megabytes", "all of it, cut for the eye", NOTHING, "every event",
         (f"{RUNS}::test_megabytes_of_output_arrive_whole_and_none_is_held_up",), long=True),
    Case("run", "Ansible not installed", "that it is missing, what to do", "the run", "all views",
         (f"{RUNS}::test_a_command_that_is_not_there_fails_the_run",
          f"{FILES}::test_without_ansible_everything_is_seen_and_an_act_says_what_is_missing"), long=True),
    Case("run", "run folder gone in the middle", "how the run ended", NOTHING, "one outcome; the next run",
         (f"{IN_A_RUN}::test_a_run_folder_that_is_gone_ends_with_a_word_and_the_next_run_works",), long=True),
    Case("run", "cluster swapped after the gate", "another cluster", "the write, in the plugin", "the other cluster, untouched",
         (f"{IN_A_RUN}::test_a_cluster_swapped_after_the_gate_gets_no_write",), long=True),
    Case("run", "answer lost in the middle of a change", "failed, and what is in the cluster", "a second write",
         "one change, its outcome",
         (f"{IN_A_RUN}::test_a_connection_lost_in_the_middle_of_the_change_is_settled_with_the_cluster[lost]",), long=True),
    Case("run", "no answer in the middle of a change", "failed, and what is in the cluster", "a second write",
         "one change, its outcome",
         (f"{IN_A_RUN}::test_a_connection_lost_in_the_middle_of_the_change_is_settled_with_the_cluster[never]",), long=True),
    Case("run", "run folder used twice", "refused", "the run", "the first run's traces",
         (f"{RUNS}::test_a_folder_is_used_once",), long=True),
    Case("run", "ansible.cfg exchanged meanwhile", "that it changed", "the run", "the cluster",
         (f"{RUNS}::test_a_configuration_changed_while_it_waits_is_noticed",), long=True),
)  # fmt: skip

SCREEN = (
    Case("screen", "cluster lost while looking", "stale in the header", ALL_WRITES, "rows, keys",
         (f"{CONSOLE}::test_a_lost_cluster_leaves_the_console_standing_with_its_last_rows",)),
    Case("screen", "20×5 and smaller", "what fits", NOTHING, "the console",
         ("tests/ui/test_launch.py::test_a_tiny_terminal_does_no_harm",)),
    Case("screen", "markup and escapes in names", "plain text", NOTHING, "the terminal",
         (f"{CONSOLE}::test_names_with_markup_escapes_and_megabytes_are_only_text",)),
    Case("screen", "one object that cannot be drawn", "which one", NOTHING, "the other rows",
         (f"{CONSOLE}::test_one_object_that_cannot_be_drawn_leaves_the_others",)),
)  # fmt: skip

ENDS = f"{TERMINAL}::test_however_it_ends_the_terminal_is_given_back"
IN_TERMINAL = (
    Case("terminal", "left by key", NOTHING, NOTHING, "stty, screen and mouse as before", (f"{ENDS}[key]",), long=True),
    Case("terminal", "told to end (TERM)", NOTHING, NOTHING, "the same", (f"{ENDS}[TERM]",), long=True),
    Case("terminal", "told to end (INT)", NOTHING, NOTHING, "the same", (f"{ENDS}[INT]",), long=True),
    Case("terminal", "told to end (HUP), terminal there", NOTHING, NOTHING, "the same", (f"{ENDS}[HUP]",), long=True),
    Case("terminal", "told to end while it starts", NOTHING, NOTHING, "the same",
         (f"{TERMINAL}::test_ended_while_it_starts_the_terminal_is_given_back",), long=True),
    Case("terminal", "closed under the live console", NOTHING, NOTHING, "no process is left",
         (f"{TERMINAL}::test_a_closed_terminal_ends_it_and_nothing_of_it_is_left",), long=True),
    Case("terminal", "resized to 20×5 and back", "what fits, then all", NOTHING, "the console",
         (f"{TERMINAL}::test_20_by_5_and_back_harms_nothing",), long=True),
    Case("terminal", "STOP and CONT from outside", "what happened meanwhile", NOTHING, "keys, stty",
         (f"{TERMINAL}::test_suspended_for_a_while_it_shows_what_happened_meanwhile",), long=True),
)  # fmt: skip

MALFORMED = (
    Case("files", "kubeconfig malformed", "file, line, cause, remedy", "to connect", "the rest",
         (f"{FILES}::test_a_mistake_is_named_with_file_line_and_remedy[kubeconfig]",)),
    Case("files", "inventory malformed", "file, line, cause, remedy", "to start", "the terminal",
         (f"{FILES}::test_a_mistake_is_named_with_file_line_and_remedy[inventory]",)),
    Case("files", "configuration malformed", "file, line, cause, remedy", "to start", "the terminal",
         (f"{FILES}::test_a_mistake_is_named_with_file_line_and_remedy[configuration]",)),
    Case("files", "a runbook malformed", "file, line, cause", "that runbook", "the other runbooks",
         (f"{FILES}::test_a_mistake_is_named_with_file_line_and_remedy[runbook]",
          "tests/runbooks/test_loading.py::test_one_bad_file_does_not_stop_the_others")),
    Case("files", "a playbook malformed", "file and line, in Ansible's words", "the run", "the cluster; the rest",
         (f"{FILES}::test_a_mistake_in_a_playbook_is_named_with_file_and_line",
          f"{RUNS}::test_a_playbook_that_cannot_begin_has_failed_and_says_why"), long=True),
    Case("files", "mistakes beside the console", "which file", "what needs it", "all views",
         (f"{FILES}::test_the_rest_goes_on_beside_a_mistake",), long=True),
)  # fmt: skip

CASES = (*API, *IDENTITY, *RECORD, *RUN, *SCREEN, *IN_TERMINAL, *MALFORMED)

# What the suite leaves out, because it takes its time; ``test_matrix`` holds this against the marks of the tests.
ON_REQUEST = frozenset(
    {
        "API server: answers 503",
        "API server: answers 429 with Retry-After",
        "API server: half an answer",
        "API server: silent: no FIN, no answer",
        "API server: too slow to wait for",
        "API server: clusters change places again and again",
        "API server: metrics API goes and comes back",
        "identity: login ends, plugin asks to log in",
        "identity: client certificate refused by TLS",
        "identity: client certificate expired (real)",
        "identity: rights given after the start",
        "identity: clock set forward",
        "identity: clock set back",
        "record: folder and store read-only",
        "record: file system really full",
        "record: disk full when the outcome is due",
        "record: quota of the state folder full",
        "run: Ansible not installed",
        "run: run folder gone in the middle",
        "run: cluster swapped after the gate",
        "run: answer lost in the middle of a change",
        "run: no answer in the middle of a change",
        "terminal: left by key",
        "terminal: told to end (TERM)",
        "terminal: told to end (INT)",
        "terminal: told to end (HUP), terminal there",
        "terminal: told to end while it starts",
        "terminal: closed under the live console",
        "terminal: resized to 20×5 and back",
        "terminal: STOP and CONT from outside",
        "files: a playbook malformed",
        "files: mistakes beside the console",
    }
)
