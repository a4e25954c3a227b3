"""Whatever stands in comments, strings, heredocs and text outside <?php, the sites are the same."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qsup.check.php.scan import scan
from tests.check.php.project import Laravel

LINES = [
    "Mine::dispatch();",
    "Plain::dispatch()->onQueue('one');",
    "dispatch(new Any('two'));",
    "Bus::chain([new Plain, new Mine])->onQueue('three')->dispatch();",
    "$schedule->job(new Mine, 'four');",
    "Queue::pushOn('five', new Plain);",
    "Plain::dispatch()->onQueue($unknown);",
]
HEAD = """\
<?php
namespace App\\Http;
use App\\Jobs\\{Plain, Mine, Any};
use Illuminate\\Support\\Facades\\{Bus, Queue};
"""
GHOSTS = st.one_of(
    st.sampled_from([*LINES, "Mine::dispatch()->onQueue(", "new Mine", "<<<X", "*", "'", '"', "?", "#[Queue('x')]"]),
    st.text(alphabet="abX:;()[]{}<>-=&|.,@!%^~/*#\\ \t", max_size=30),
)


def quiet(text: str, *parts: str) -> str:
    for part in parts:
        text = text.replace(part, " ")
    return text


def line_comment(text: str) -> str:
    return f"// {quiet(text, '?>', chr(10))}\n"


def hash_comment(text: str) -> str:
    return f"# {quiet(text, '?>', chr(10))}\n"


def block_comment(text: str) -> str:
    return f"/* {quiet(text, '*/', '*')} */"


def single(text: str) -> str:
    return "$s = '" + quiet(text, "\\").replace("'", "\\'") + "';"


def double(text: str) -> str:
    return '$s = "' + quiet(text, "\\", "$", "{").replace('"', '\\"') + '";'


def heredoc(text: str) -> str:
    return f"$s = <<<GHOST\n{quiet(text, chr(92), '$', '{', 'GHOST')}\nGHOST;\n"


def nowdoc(text: str) -> str:
    return f"$s = <<<'GHOST'\n{quiet(text, 'GHOST')}\nGHOST;\n"


def outside(text: str) -> str:
    return f"?>\n{quiet(text, '<?', '<')}\n<?php\n"


NOISE = st.builds(
    lambda form, text: str(form(text)),
    st.sampled_from([line_comment, hash_comment, block_comment, single, double, heredoc, nowdoc, outside]),
    GHOSTS,
)


def sites(laravel: Laravel, body: str) -> list[tuple[str, str | None, str]]:
    file = laravel.write("app/Http/site.php", "")
    file.write_text(HEAD + body, encoding="utf-8")
    found = scan([file])
    assert not found.problems, f"{found.problems}\n{body}"
    return [(site.job, site.queue, site.why) for site in found.sites]


@settings(max_examples=250, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.lists(NOISE, max_size=4), min_size=len(LINES) + 1, max_size=len(LINES) + 1))
def test_noise_between_the_lines_changes_nothing(laravel: Laravel, noise: list[list[str]]) -> None:
    body = "".join(noise[0])
    for line, after in zip(LINES, noise[1:], strict=True):
        body += f"\n{line}\n" + "\n".join(after)
    assert sites(laravel, body + "\n") == sites(laravel, "\n".join(LINES))


def test_comments_between_any_two_tokens_change_nothing(tmp_path: Path) -> None:
    seed = random.randrange(10**9)  # noqa: S311  dice of a test
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311  dice of a test
    laravel = Laravel(tmp_path)
    for _ in range(60):
        body = "\n".join("".join(token + comment(chance) for token in tokens(line)) for line in LINES)
        assert sites(laravel, body) == sites(laravel, "\n".join(LINES)), f"seed {seed}:\n{body}"


def tokens(line: str) -> list[str]:
    for mark in ("::", "->", "(", ")", "[", "]", ",", ";"):
        line = line.replace(mark, f"\0{mark}\0")
    return [token for token in line.split("\0") if token]


def comment(chance: random.Random) -> str:
    inside = chance.choice(["", "x", "->onQueue('ghost')", "Mine::dispatch();", "'", '"', "//", "<?php"])
    form = chance.choice(["", "", "/* {} */", "// {}\n", "# {}\n", " \n "])
    return form.format(inside)
