"""Our reader of supervisord files says what supervisor itself says, and where each key stands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsup.check.supervisord.expand import ENVIRONMENT
from qsup.check.supervisord.files import read
from qsup.check.supervisord.programs import Program
from qsup.check.supervisord.settings import PROCESS, PROGRAM
from tests.supervisord.real import Refused, by_supervisor, by_us

ENVIRON = {"HOME": "/root", "NAME": "payments", "PERCENT": "50%", "EMPTY": ""}
LARAVEL = Path(__file__).parent / "laravel-queue.conf"


def same(folder: Path, text: str, **included: str) -> None:
    """Both read the same from the file, or both refuse it. `included` are files beside it."""
    for name, content in included.items():
        (folder / f"{name}.conf").write_text(content, encoding="utf-8")
    file = folder / "main.ini"
    file.write_text(text, encoding="utf-8")
    theirs, ours = by_supervisor(file, ENVIRON), by_us(file, ENVIRON)
    assert isinstance(theirs, Refused) == isinstance(ours, Refused), (theirs, ours)
    if not isinstance(theirs, Refused) and ENVIRONMENT not in str(ours):
        # Where a lone %s or %a stands, supervisor has its whole environment and we do not.
        assert ours == theirs


def only(folder: Path, text: str) -> Program:
    """The one program of a file."""
    (folder / "queue.conf").write_text(text, encoding="utf-8")
    found = read([folder / "queue.conf"], ENVIRON)
    assert len(found.programs) == 1, found
    return found.programs[0]


def problems(folder: Path, text: str) -> list[str]:
    """Every problem of a file, as printed."""
    (folder / "queue.conf").write_text(text, encoding="utf-8")
    found = read([folder / "queue.conf"], ENVIRON).problems
    return [str(problem).replace(f"{folder}/", "") for problem in found]


# Each one is a rule of supervisor's that a reader of one's own gets wrong at first.
CASES = {
    "defaults": "[program:a]\ncommand=x",
    "keys in capitals": "[program:a]\nCOMMAND=x\nPriority=7",
    "colon for equals": "[program:a]\ncommand: x --a=b",
    "comment after a value": "[program:a]\ncommand=php artisan --queue=a  # why\npriority=5 ; low",
    "no comment without a space": "[program:a]\ncommand=x;y#z",
    "comment in quotes": '[program:a]\ncommand=x\nenvironment=A="b ; c"',
    "two kinds of comment": "[program:a]\ncommand=a;b ;c #d",
    "three kinds of comment": "[program:a]\ncommand=a;;b ;c#d #e",
    "value on several lines": "[program:a]\ncommand=php\n  artisan\n\n   queue:work\npriority=4",
    "indented key": "[program:a]\n  command=x\n  priority=3",
    "deeper key is a continuation": "[program:a]\ncommand=x\n  priority=3",
    "comment between continued lines": "[program:a]\ncommand=x\n; no\n  y\n # no\n  z",
    "duplicate key": "[program:a]\ncommand=x\nnumprocs=1\npriority=1\npriority=2",
    "duplicate section": "[program:a]\ncommand=x\n[program:b]\ncommand=z\n[program:a]\npriority=2",
    "DEFAULT": "[DEFAULT]\npriority=6\nuser=root\n[program:a]\ncommand=x",
    "unknown key": "[program:a]\ncommand=x\nnumproc=3",
    "unknown section": "[progam:a]\ncommand=x",
    "key without value": "[program:a]\ncommand=x\nautostart",
    "key before a section": "command=x\n[program:a]\ncommand=x",
    "empty key": "[program:a]\ncommand=x\n=3",
    "no command": "[program:a]\npriority=1",
    "empty command": "[program:a]\ncommand=",
    "bracket in a header": "[program:a]b]\ncommand=x",
    "text after a header": "[program:a] junk\ncommand=x",
    "space in a name": "[program:a b]\ncommand=x",
    "space round a name": "[program: a ]\ncommand=x",
    "numprocs": "[program:a]\ncommand=x %(process_num)d of %(numprocs)d\nnumprocs=3\n"
    "process_name=%(program_name)s_%(process_num)02d",
    "numprocs_start": "[program:a]\ncommand=x\nnumprocs=2\nnumprocs_start=5\nprocess_name=p%(process_num)s",
    "numprocs without process_num": "[program:a]\ncommand=x\nnumprocs=2",
    "numprocs 0": "[program:a]\ncommand=%(nonsense)s\nnumprocs=0",
    "numprocs below 0": "[program:a]\ncommand=x\nnumprocs=-1",
    "stopasgroup alone": "[program:a]\ncommand=x\nstopasgroup=true",
    "killasgroup alone": "[program:a]\ncommand=x\nkillasgroup=true",
    "stopasgroup without killasgroup": "[program:a]\ncommand=x\nstopasgroup=true\nkillasgroup=false",
    "switches": "[program:a]\ncommand=x\nautostart=OFF\nautorestart=Yes\nredirect_stderr=1",
    "no switch": "[program:a]\ncommand=x\nautostart=maybe",
    "autorestart": "[program:a]\ncommand=x\nautorestart=Unexpected",
    "autorestart wrong": "[program:a]\ncommand=x\nautorestart=always",
    "exit codes": "[program:a]\ncommand=x\nexitcodes=0,2, 12",
    "no exit codes": "[program:a]\ncommand=x\nexitcodes=",
    "exit code too large": "[program:a]\ncommand=x\nexitcodes=256",
    "signals": "[program:a]\ncommand=x\nstopsignal=sigquit",
    "signal by number": "[program:a]\ncommand=x\nstopsignal=12",
    "no signal": "[program:a]\ncommand=x\nstopsignal=HALT",
    "no signal of that number": "[program:a]\ncommand=x\nstopsignal=40",
    "sizes": "[program:a]\ncommand=x\nstdout_logfile_maxbytes=5Kb\nstderr_logfile_maxbytes=1024",
    "sizes with a space": "[program:a]\ncommand=x\nstdout_logfile_maxbytes=5 MB",
    "no size": "[program:a]\ncommand=x\nstdout_logfile_maxbytes=5 M",
    "log files": "[program:a]\ncommand=x\nstdout_logfile=NONE\nstderr_logfile=off",
    "log file by itself": "[program:a]\ncommand=x\nstdout_logfile=Auto\nstderr_logfile=x.log",
    "log file syslog": "[program:a]\ncommand=x\nstdout_logfile=syslog",
    "log file expanded twice": "[program:a]\ncommand=x\nstdout_logfile=%(here)s/100%%%%.log",
    "log file expanded twice badly": "[program:a]\ncommand=x\nstdout_logfile=%(here)s/100%%.log",
    "log file at home": "[program:a]\ncommand=x\nstdout_logfile=~/x.log",
    "redirected": "[program:a]\ncommand=x\nredirect_stderr=true\nstderr_logfile=x.log",
    "environment": "[program:a]\ncommand=%(ENV_A)s %(ENV_NAME)s\nenvironment=A=\"1,2\",B='x',NAME=c",
    "environment cut at a space": "[program:a]\ncommand=x\nenvironment=A=b c,D=e",
    "environment not closed": '[program:a]\ncommand=x\nenvironment=A="b',
    "environment without equals": "[program:a]\ncommand=x\nenvironment=A",
    "environment with a comma at its end": '[program:a]\ncommand=x\nenvironment=A="b",',
    "environment with names": '[program:a]\ncommand=x\nenvironment=A="%(program_name)s %(here)s 50%%"',
    "environment for all": '[supervisord]\nenvironment=A="1",B="2"\n[program:a]\ncommand=%(ENV_A)s\nenvironment=B="3"',
    "environment of the environment": "[program:a]\ncommand=x %(ENV_NAME)s\nuser=%(ENV_EMPTY)s0",
    "no such variable": "[program:a]\ncommand=x %(ENV_NOWHERE)s",
    "a percent sign": "[program:a]\ncommand=x 100%%",
    "a lone percent sign": "[program:a]\ncommand=x 100% y",
    "an unknown name": "[program:a]\ncommand=%(proces_num)s",
    "a number of text": "[program:a]\ncommand=%(program_name)d",
    "group_name": "[program:a]\ncommand=%(group_name)s\n[group:g]\nprograms=a",
    "group_name alone": "[program:a]\ncommand=%(group_name)s",
    "host_node_name": "[program:a]\ncommand=%(host_node_name)s",
    "process_num is not known before the processes": "[program:a]\ncommand=x\npriority=%(process_num)d",
    "a name in a number": "[program:a]\ncommand=x\npriority=%(ENV_EMPTY)s5",
    "group": "[group:g]\nprograms=a, b\npriority=7\n"
    "[program:a]\ncommand=x\n[program:b]\ncommand=y\n[program:c]\ncommand=z",
    "group of nothing": "[group:g]\nprograms=\n[program:a]\ncommand=x",
    "group without programs": "[group:g]\n[program:a]\ncommand=x",
    "group of unknown": "[group:g]\nprograms=a,bb\n[program:a]\ncommand=x\n[program:b]\ncommand=x",
    "group with a comma at its end": "[group:g]\nprograms=a,\n[program:a]\ncommand=x",
    "a program in two groups": "[group:g]\nprograms=a\n[group:h]\nprograms=a\n[program:a]\ncommand=%(group_name)s",
    "wrong priority of a group": "[group:g]\nprograms=a\npriority=x\n[program:a]\ncommand=x",
    "here": "[program:a]\ncommand=%(here)s/x\ndirectory=%(here)s",
    "umask": "[program:a]\ncommand=x\numask=027",
    "no umask": "[program:a]\ncommand=x\numask=9",
    "supervisord's own": "[supervisord]\nloglevel=loud\n[program:a]\ncommand=x",
    "supervisord's own size": "[supervisord]\nlogfile_maxbytes=x\n[program:a]\ncommand=x",
    "Windows line ends": "[program:a]\r\ncommand=x\r\npriority=4\r\n",
    "other letters": "[program:ä]\ncommand=ünï 漢字\n",
    "a separator that is no line end": "[program:a]\ncommand=a\x0bb\x0cpriority=4\u2028z",
    "underscores in a number": "[program:a]\ncommand=x\npriority=1_0",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_read_as_supervisor_reads_it(name: str, tmp_path: Path) -> None:
    text = CASES[name]
    same(tmp_path, text if "[supervisord]" in text else f"{text}\n[supervisord]\n")


def test_includes_are_read_in_order_with_their_own_folder(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("[program:b]\ncommand=%(here)s/b\n[include]\nfiles=nowhere")
    (tmp_path / "conf.d" / "a.conf").write_text("[program:a]\ncommand=%(here)s/a\n[program:main]\npriority=5")
    main = "[supervisord]\n[include]\nfiles = conf.d/*.conf\n  %(here)s/no*.conf\n[program:main]\ncommand=%(here)s/m\n"
    same(tmp_path, main)
    found = read([tmp_path / "main.ini"], ENVIRON)
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in found.problems] == [
        "conf.d/a.conf:3:1: warning: section [program:main] was begun before, at main.ini:5: "
        "supervisord puts both together [Q606]",
        "conf.d/b.conf:4:1: warning: an [include] in an included file is ignored by supervisord [Q605]",
        "main.ini:3:1: warning: no file is found for no*.conf [Q610]",
    ]


@pytest.mark.parametrize("files", ["", "%(nonsense)s", "%(ENV_NOWHERE)s/x", "/%(ENV_NAME)s/*.conf", "100%"])
def test_what_is_included_may_be_named_wrongly(files: str, tmp_path: Path) -> None:
    same(tmp_path, f"[supervisord]\n[include]\nfiles={files}\n")
    same(tmp_path, f"[supervisord]\n[include]\nflies={files}\n")


def test_here_is_put_in_before_percent_signs_are_read_only_where_files_are_included(tmp_path: Path) -> None:
    program = "[program:a]\ncommand=x %%(here)s\n"
    same(tmp_path, f"[supervisord]\n{program}")
    same(tmp_path, f"[supervisord]\n[include]\nfiles=part.conf\n{program}", part="[program:b]\ncommand=%%(here)s")


def test_fragments_are_read_together_as_if_included_and_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.conf").write_text("[program:a]\ncommand=%(here)s/a\n")
    (tmp_path / "group.conf").write_text("[group:g]\nprograms=a\n")
    main = tmp_path / "main.ini"
    main.write_text("[supervisord]\n[include]\nfiles=*.conf\n")
    given = [tmp_path / "group.conf", tmp_path / "a" / "a.conf"]
    for files in (given, [*given, main], [main, *given, main]):
        found = read(files, ENVIRON)
        assert [(program.group, program.processes[0].command) for program in found.programs] == [
            ("g", f"{tmp_path}/a/a")
        ]
        assert not found.problems


def test_every_key_has_its_line_and_column(tmp_path: Path) -> None:
    program = only(
        tmp_path, "; Money\n\n; Payment\n# processing\n[program:a]\n  command = php\n\t\t\tx\n  numprocs=1\n"
    )
    places = {key: (entry.line, entry.column) for key, entry in program.entries.items()}
    assert places == {"command": (6, 3), "numprocs": (8, 3)}
    assert program.section.place.endswith("queue.conf:5 [program:a]")
    assert program.section.comment == "Payment processing"


def test_the_incident_s_file_is_read_whole(tmp_path: Path) -> None:
    same(tmp_path, f"{LARAVEL.read_text()}\n[supervisord]\n")
    found = read([LARAVEL], ENVIRON)
    assert not found.problems
    assert (len(found.programs), sum(len(program.processes) for program in found.programs)) == (10, 18)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[program:a\ncommand=x", "1:1: this line stands before the first section, "
         "expected one such as [program:queue] [Q601]"),
        ("[program:a]\ncommand=x\nautostart", "3:1: this line is neither a section nor `key=value` [Q601]"),
        ("[program:a]\npriority=1", "1:1: [program:a]: command is missing: supervisord refuses the file [Q602]"),
        ("[program:a]\ncommand=x\npriority=5s", '3:1: `priority` is "5s", expected a whole number [Q602]'),
        ("[program:a]\ncommand=%(program)s", "2:1: `command` names %(program)s, which supervisord does not know, "
         "did you mean program_name? [Q602]"),
        ("[program:a]\ncommand=x 5%", "2:1: `command` has a % that begins no name, "
         "expected %(name)s, or %% for a percent sign [Q602]"),
        ("[program:a]\ncommand=%(ENV_DB)s", "2:1: warning: `command` needs the environment "
         "variable DB, which is not set here, "
         "run this where supervisord runs, or set it [Q603]"),
        ("[program:a]\ncommand=printf %s", "2:1: `command` has a lone %s: supervisord puts its "
         "whole environment there, passwords "
         "included, write %% for a percent sign [Q604]"),
        ("[program:a]\ncommand=x\nPriority=1\n[program:b]\ncommand=x\n[program:a]\npriority=2",
         "6:1: warning: section [program:a] was begun before, at queue.conf:1: supervisord puts both together [Q606]|"
         "7:1: warning: `priority` was given before, in line 3: supervisord takes this one, silently [Q606]"),
        ("[program:a]\ncommand=x\nenvironment=A=b c", "3:1: warning: `environment` holds more of A "
         "than supervisord takes: what "
         'follows a space is dropped silently, put the value in "…" [Q607]'),
        ("[program:a]\ncommand=x\nnumprocs=2", "3:1: `numprocs` is 2, but process_name has no "
         "%(process_num): supervisord refuses "
         "the file, write process_name=%(program_name)s_%(process_num)02d [Q608]"),
        ("[program:a]\ncommand=x\nstopasgroup=true\nkillasgroup=false",
         "4:1: `killasgroup` is false with stopasgroup=true: supervisord refuses the file [Q609]"),
        ("[group:g]\nprograms=payment\n[program:payments]\ncommand=x",
         "2:1: `programs` names payment, which is no program of these files, did you mean payments? [Q602]"),
    ],
)  # fmt: skip
def test_a_problem_says_what_is_wrong_and_where(text: str, said: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text) == [f"queue.conf:{one}" for one in said.split("|")]


def test_a_lone_percent_s_puts_no_variable_anywhere(tmp_path: Path) -> None:
    program = only(tmp_path, "[program:a]\ncommand=printf %s\n")
    assert program.processes[0].command == f"printf {ENVIRONMENT}"
    assert "payments" not in str(problems(tmp_path, "[program:a]\ncommand=printf %s %r\npriority=%s"))


def test_a_value_of_the_environment_is_in_no_problem(tmp_path: Path) -> None:
    text = '[program:a]\ncommand=x\npriority=%(ENV_PERCENT)s\nenvironment=A="s3cret\n'
    assert "50%" not in str(problems(tmp_path, text))
    assert "s3cret" not in str(problems(tmp_path, text))


@pytest.mark.parametrize("text", ["%(here)9999999999s", "%9999999999s", "%(here).9999999999s", "%(process_num)99999d"])
def test_a_width_cannot_make_a_file_huge(text: str, tmp_path: Path) -> None:
    assert "[Q602]" in problems(tmp_path, f"[program:a]\ncommand={text}\n")[0]


def test_a_file_that_is_missing_not_text_or_endless_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"[program:\xe4]")
    for file, why in [
        (tmp_path / "none", "no such file"),
        (tmp_path / "latin", "not UTF-8"),
        (Path("/dev/zero"), "large"),
    ]:
        (problem,) = read([file], {}).problems
        assert problem.code == "Q600"
        assert why in problem.message


NAMES = st.sampled_from(["a", "b", "payments", "a b", "x:y", "ä"])
VALUES = st.one_of(
    st.sampled_from([
        "x", "1", "0", "-1", "3", "true", "false", "yes", "OFF", "unexpected", "10MB", "1kb", "auto", "none",
        "syslog", "TERM",
        "0,2", "a,b", "a", "%(program_name)s_%(process_num)02d", "%(process_num)d", "%(here)s/x",
        "%(group_name)s", "%(ENV_NAME)s",
        "%(ENV_PERCENT)s", "%%", "%%(here)s", "%(numprocs)s", 'A="b",C="d"', "A=b c", "'", '"', "A=%(ENV_NAME)s",
        "x ; y", "x # y",
        "x\n y", "x\n\n  y\n;z\n  w", "022", "", "%(host_node_name)s",
    ]),
    st.text(st.sampled_from(" %;#'\"\\=:,[]()s0d\tab\n\x0b\x1c\x85é"), max_size=14),
)  # fmt: skip
KEYS = st.sampled_from(
    ["command", "environment", "programs", "numproc", "Priority", "process_name", *PROGRAM, *PROCESS]
)
LINES = st.one_of(
    st.builds("{}={}".format, KEYS, VALUES),
    st.builds("{} : {} ; {}".format, KEYS, VALUES, NAMES),
    st.builds("[program:{}]".format, NAMES),
    st.builds("[program:{}]\ncommand={}".format, NAMES, VALUES),
    st.builds("[group:{}]\nprograms={}".format, NAMES, st.sampled_from(["a", "a,b", "payments", "nowhere", "a,"])),
    st.sampled_from(["[DEFAULT]", "[supervisord]", "; comment", "", "  # comment", "\tindented", "[", "[]"]),
    VALUES,
)
FILES = st.lists(LINES, max_size=14).map(lambda lines: "\n".join(["[supervisord]", *lines]))


@given(text=FILES)
@settings(max_examples=600, deadline=None, print_blob=True)
def test_any_file_is_read_as_supervisor_reads_it(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        same(Path(folder), text)


@given(main=FILES, part=FILES)
@settings(max_examples=150, deadline=None, print_blob=True)
def test_any_file_with_any_included_file_is_read_as_supervisor_reads_it(main: str, part: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        same(Path(folder), f"[include]\nfiles=part*.conf\n{main}", part=part, part2="[program:a]\ncommand=%(here)s")
