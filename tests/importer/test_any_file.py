"""Whatever stands in a supervisord file: it is read to the end, and what is imported is a queues.yaml."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st

from qsup.check.producers import Produced
from qsup.check.rules import check
from qsup.check.supervisord.listeners import Connections
from qsup.check.supervisord.survey import against_code, survey
from qsup.config import parse
from qsup.importer.translate import translate
from qsup.importer.write import text

WORDS = st.one_of(
    st.sampled_from([
        "php", "artisan", "queue:work", "queue:listen", "horizon", "--queue", "--queue=", "--queue=a,b", "--tries=0",
        "--sleep=0",
        "--timeout=0", "--timeout=" + "9" * 30, "--backoff=1,,2", "--backoff=" + "1," * 200 + "1", "--memory=0",
        "--rest=1", "--",
        "sh", "-c", "'php artisan queue:work --queue=$Q'", "bash -c", "env", "sudo", "-u", "nice", "docker", "exec",
        "su", "qsup",
        "worker", "run", "--queue=x", "--config", "python", "-m", "timeout", "kubectl", "%%", "%(ENV_X)s",
        "%(process_num)d", "%s",
        "'", '"', "&&", ";", "|", ">", "$(", "`", "{", "}", "#", " ;",
    ]),
    st.text(max_size=6),
)  # fmt: skip
WORKERS = st.sampled_from(["", "php artisan queue:work ", "php artisan queue:work --queue=", "qsup worker --queue="])
COMMANDS = st.builds("{}{}".format, WORKERS, st.lists(WORDS, max_size=8).map(" ".join))
PROGRAMS = st.builds(
    "; {}\n[program:{}]\ncommand={}\nnumprocs={}\nprocess_name=%(process_num)s\npriority={}\nautostart={}\n".format,
    st.text(max_size=8).map(lambda said: "".join(said.splitlines())),
    st.sampled_from("abc"),
    COMMANDS.map(lambda words: " ".join(words.split())),
    st.sampled_from([-1, 0, 1, 3, 2000]),
    st.integers(-5, 2000),
    st.sampled_from(["true", "false", "maybe"]),
)


@given(programs=st.lists(PROGRAMS, max_size=4))
@settings(max_examples=200, deadline=None, print_blob=True)
def test_any_programs_are_judged_and_imported_as_a_sound_file(programs: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "queue.conf")
        file.write_text("".join(programs), encoding="utf-8", errors="replace")
        found = survey([file], {}, Connections())
    against_code(found, Produced())
    imported = translate(found.found.listeners, {})
    event(f"{len(imported.queues)} queues")
    if imported.queues:
        made = parse(text(imported, found.found, found.read.groups, [], []), "queues.yaml", {})
        problems = [one for one in (*made.problems, *check(made)) if one.severity == "error" and one.code != "Q112"]
        assert not problems
        assert list(made.routing.queues) == [one.name for one in imported.queues]
