import hashlib
import json
import os
import subprocess
import sys
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leaderboard import comparison_csv, exports, ranking
from tests.leaderboard.ranking.samples import ROOT

HEADER = "session,policy_a,policy_b,preference"
ROWS = ["s1,pi,octo,A", "s2,octo,pi,TIE", "s3,pi,act,B", "s4,act,octo,A"]
EPISODES = (
    "session_uuid,label,policy,binary_success,progress,duration_steps,mean_latency_s,third_person_camera,recorded_at"
)
SESSIONS = (
    "session_uuid,status,lab,evaluator,robot,created_at,completed_at,policy_a,policy_b,preference,instruction,notes"
)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def rank(path: Path, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("rank", str(path), json=True, stdout=out, **options)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("rank", str(path), stdout=StringIO(), **options)
    return str(caught.value)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "table.csv", HEADER, *ROWS)


def test_one_object_with_all_that_a_ranking_says(table: Path) -> None:
    answer = rank(table)
    wanted = {"policy", "score", "se", "low", "high", "rank", "rank_low", "rank_high", "group", "n"}
    assert all(wanted <= policy.keys() for policy in answer["policies"])
    assert {"model", "ties", "order", "log_likelihood", "warnings"} <= answer.keys()
    assert sum(policy["score"] for policy in answer["policies"]) == pytest.approx(0)
    assert {policy["policy"]: policy["n"] for policy in answer["policies"]} == {"pi": 3, "octo": 3, "act": 2}


def test_the_answer_is_the_one_of_the_ranking_core(table: Path) -> None:
    comparisons = ranking.encode(
        policy_a=["pi", "octo", "pi", "act"],
        policy_b=["octo", "pi", "act", "octo"],
        preference=["A", "TIE", "B", "A"],
        lab=["unknown"] * 4,
    )
    expected = ranking.fit(comparisons, model="davidson").as_json()
    answer = rank(table, model="davidson")
    assert {key: answer[key] for key in expected} == expected


@pytest.mark.parametrize("model", ranking.MODELS)
def test_every_model_answers_in_json_and_in_words(model: str, tmp_path: Path) -> None:
    rows = [f"{row},{number / 9},{1 - number / 9},lab {number % 2}" for number, row in enumerate(ROWS * 2)]
    path = write(tmp_path / "t.csv", f"{HEADER},progress_a,progress_b,lab", *rows)
    out = StringIO()
    call_command("rank", str(path), model=model, json=True, stdout=out)
    answer = json.loads(out.getvalue(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (answer["model"], len(answer["policies"])) == (model, 3)
    call_command("rank", str(path), model=model, stdout=out)
    assert "nan" not in out.getvalue()


def test_people_get_a_table_and_every_warning(table: Path) -> None:
    out = StringIO()
    call_command("rank", str(table), stdout=out)
    shown = out.getvalue()
    assert all(word in shown for word in ("4 comparisons", "act", "octo", "95% interval", "one lab"))


def test_names_with_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    out = StringIO()
    call_command(
        "rank", str(write(tmp_path / "t.csv", HEADER, "s1,[red]pi,=cmd(),A", "s2,=cmd(),[red]pi,B")), stdout=out
    )
    assert "[red]pi" in out.getvalue()


def test_further_columns_blank_lines_quotes_and_a_byte_order_mark_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    lines = [
        "lab,preference,x,policy_b,policy_a,session,progress_a",
        'L," a ",1,octo,"p,i",s1,',
        "",
        "M,tie,,act,octo,s2,1",
    ]
    path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    answer = rank(path)
    assert {policy["policy"] for policy in answer["policies"]} == {"p,i", "octo", "act"}
    assert answer["input"]["counted"] == 2


def test_columns_by_another_name(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "id,left,right,preference", *ROWS)
    assert rank(path, map=["session=id", "policy_a=left", "policy_b = right"])["n"] == 4
    assert "lacks the columns 'left', 'policy_b'" in refused(
        write(tmp_path / "u.csv", "session"), map=["policy_a=left", "preference=session"]
    )


@pytest.mark.parametrize("mapped", ["policy_a", "policy_a=", "wrong=x", "=x"])
def test_a_map_that_says_nothing_is_refused(table: Path, mapped: str) -> None:
    assert "[bad_map]" in refused(table, map=[mapped])


def test_a_session_that_comes_twice_counts_twice_and_is_told(tmp_path: Path) -> None:
    answer = rank(write(tmp_path / "t.csv", HEADER, ROWS[0], ROWS[0]))
    assert answer["n"] == 2
    assert answer["notes"] == ["1 row names a session of an earlier row; all count."]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("s9,pi,octo,LEFT", "line 3: preference is 'LEFT', but"),
        ("s9,pi,octo,", "line 3: preference is ''"),
        ("s9,,octo,A", "line 3: policy_a is empty"),
        ("s9,pi,pi,A", "line 3: compares a policy with itself"),
        (" ,pi,octo,A", "line 3: session is empty"),
        ("s9,pi,octo", "line 3: 3 cells, but the first line names 4 columns"),
        ("s9,pi,octo,A,A", "line 3: 5 cells"),
        ("s9,\x1b[31mpi,octo,A", "line 3: policy_a holds characters that cannot be shown"),
        ("s9,p\u202ei,octo,A", "line 3: policy_a holds characters that cannot be shown"),
        ("s9,pi,o\0cto,A", "line 3: policy_b holds characters that cannot be shown"),
        (f"s9,{'p' * 301},octo,A", "line 3: policy_a is longer than 300 characters"),
        ('s9,"pi,octo,A', "line 3: is no CSV"),
        (f"s9,{'p' * 200_000},octo,A", "line 3: is no CSV"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    assert said in refused(write(tmp_path / "t.csv", HEADER, ROWS[0], line))


@pytest.mark.parametrize("value", ["1.5", "-0.1", "inf", "half", "50%"])
def test_progress_is_a_number_between_0_and_1(tmp_path: Path, value: str) -> None:
    path = write(tmp_path / "t.csv", f"{HEADER},progress_a,progress_b", f"{ROWS[0]},,0.5", f"{ROWS[1]},NaN,{value}")
    assert f"line 3: progress_b is '{value}'" in refused(path)


def test_the_line_is_right_after_many_rows_and_cells_with_line_breaks(tmp_path: Path) -> None:
    rows = [f's{number},pi,octo,"A{" " if number else chr(10)}"' for number in range(comparison_csv.CHUNK + 10)]
    path = write(tmp_path / "t.csv", HEADER, *rows, "s,pi,octo,WRONG")
    assert f"line {comparison_csv.CHUNK + 13}: preference is 'WRONG'" in refused(path)


def test_other_bytes_than_utf_8_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{HEADER}\n{ROWS[0]}\n".encode() + b"s,p\xff,octo,A\n")
    assert "t.csv line 3: is not UTF-8" in refused(path)


def test_more_policies_than_a_ranking_can_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_csv, "MAX_POLICIES", 3)
    path = write(tmp_path / "t.csv", HEADER, *ROWS, "s5,fourth,pi,A")
    assert "line 6: policy_a is one too many: at most 3 policies are taken" in refused(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("session,policy_a\n", "lacks the columns 'policy_b', 'preference'"),
        (f"{HEADER},lab,lab\n", "two columns 'lab'"),
        (f"{HEADER}\n", "nothing to rank"),
        ("\0\0\0", "lacks the columns"),
    ],
)
def test_a_file_that_holds_no_comparisons_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert said in refused(path)


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    assert "There is no" in refused(tmp_path / "none.csv")
    assert "holds neither sessions.csv nor" in refused(tmp_path)


def test_an_error_as_json_has_its_code(tmp_path: Path) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("rank", str(tmp_path / "none.csv"), json=True, stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "table_file"


def test_a_task_mix_is_for_models_that_know_tasks(table: Path) -> None:
    assert "[no_task_mix]" in refused(table, model="davidson", task_mix="equal")


def roboarena(folder: Path, *, episodes: tuple[str, ...] = (), status: str = "valid", preference: str = "A") -> Path:
    row = f"1-{'{}'},{status},L,E,DROID,,,pi,octo,{preference},go,"
    write(folder / "sessions.csv", SESSIONS, "u1,invalid,L,E,DROID,,,pi,octo,,go,", row.format("2"))
    write(folder / "episodes.csv", EPISODES, *episodes)
    return folder


def test_a_roboarena_folder_is_joined(tmp_path: Path) -> None:
    folder = roboarena(tmp_path, episodes=("1-2,A,pi,0,0.75,1,,,", "1-2,B,octo,0,,1,,,", "1-2,C,act,0,1,1,,,"))
    write(tmp_path / "tags.csv", "session_uuid,task_category", "1-2,Sorting")
    answer = rank(folder)
    assert answer["input"]["excluded"] == {"invalid": 1}
    assert {row["policy"]: row["mean_progress"] for row in answer["policies"]} == {"pi": 0.75, "octo": None}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"preference": "LEFT"}, "sessions.csv line 3: preference is 'LEFT'"),
        ({"episodes": ("1-2,A,pi,0,1.5,1,,,",)}, "episodes.csv line 2: progress is '1.5'"),
        (
            {"episodes": ("1-2,A,act,0,1,1,,,",)},
            "episodes.csv line 2: its policy is not the one of sessions.csv line 3",
        ),
        ({"episodes": ("1-2,A,pi,0,1,1,,,",) * 2}, "episodes.csv line 3: a second episode of side A"),
        ({"status": "lost"}, "nothing to rank"),
    ],
)
def test_a_roboarena_folder_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in refused(roboarena(tmp_path, **changes))


@pytest.fixture
def export(tmp_path: Path, table: Path) -> Path:
    """As a snapshot is exported whose intervals are of another level than usual."""
    settings = ranking.DavidsonSettings(intervals=ranking.IntervalSettings(level=0.9))
    result = ranking.fit(
        comparison_csv.read_table(lambda: table.open("rb"), file="t").comparisons(), model="davidson", settings=settings
    )
    manifest = {
        "format": exports.FORMAT,
        "input_sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "model": "davidson",
        "settings": settings.as_json(),
        "code_version": "any",
        "excluded": {"marked_invalid": 2},
        "result": result.as_json(),
    }
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(table, exports.INPUT)
        archive.writestr(exports.MANIFEST, json.dumps(manifest))
    return path


def changed(export: Path, folder: Path, **changes: Any) -> Path:
    """The export unpacked, with other words in its manifest."""
    zipfile.ZipFile(export).extractall(folder)
    manifest = json.loads((folder / exports.MANIFEST).read_text())
    (folder / exports.MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


def test_the_stored_settings_of_a_snapshot_apply(export: Path, tmp_path: Path) -> None:
    answer = rank(export)
    assert answer["intervals"]["level"] == 0.9
    assert answer["input"]["excluded"] == {"marked_invalid": 2}
    assert answer["notes"] == ["This is exactly the result that the snapshot holds."]
    folder = changed(export, tmp_path / "unpacked")
    assert rank(folder)["policies"] == rank(folder / "input.csv")["policies"] == answer["policies"]


def test_a_result_that_was_changed_is_found_out(export: Path, tmp_path: Path) -> None:
    other = rank(export)
    other["policies"][0]["score"] += 1e-6
    folder = changed(
        export, tmp_path / "unpacked", result={key: other[key] for key in other.keys() - {"input", "notes"}}
    )
    assert rank(folder)["notes"] == ["This is not the result that the snapshot holds: policies[0].score differs."]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "other"}, "not of the format"),
        ({"settings": [1]}, "lacks settings"),
        ({"settings": {"theta_sd": "x"}}, "setting"),
        ({"settings": {"unknown": 1}}, "There is no setting 'unknown'"),
        ({"model": "other"}, "There is no model 'other'"),
        ({"input_sha256": "0" * 64}, "their SHA-256 differ"),
    ],
)
def test_an_export_that_was_damaged_is_refused(
    export: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert said in refused(changed(export, tmp_path / "unpacked", **changes))


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    assert "[export_damaged]" in refused(path)


@pytest.mark.slow
def test_neither_database_nor_servers_are_needed(table: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment = kept | {"ARENA_HOME": str(home)}
    command = [sys.executable, str(ROOT / "manage.py"), "rank", str(table), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["n"] == 4
    assert not any("postgres" in path.name or "valkey" in path.name for path in home.rglob("*"))
