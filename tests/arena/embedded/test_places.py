"""Where files, sockets and programs are put, and what happens where a server's user cannot reach them."""

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.embedded import ServicesError, places, services
from tests.arena.embedded.users import ask, ping
from tests.processes import running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as somebody else")


@pytest.fixture
def unreachable(home: Path) -> Iterator[Path]:
    """A home below a folder that only root may enter. What is put elsewhere is removed in the end."""
    home.parent.chmod(0o700)
    yield home
    for note in home.glob("services/*/elsewhere"):
        shutil.rmtree(note.read_text().strip())


@as_root
@pytest.mark.slow
def test_root_has_ordinary_users_run_its_servers(home: Path) -> None:
    account = places.service_account()
    assert account is not None
    assert account.uid != 0
    with services(home, durable=False):
        for words in ("bin/postgres -D", "valkey-server"):
            pid = running(home, words)
            assert Path(f"/proc/{pid}").stat().st_uid == account.uid
            groups = next(
                line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Groups:")
            )
            assert groups.split()[1:] in ([], [str(account.gid)])


@as_root
@pytest.mark.slow
def test_what_root_alone_can_reach_is_kept_elsewhere_and_said(
    unreachable: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with services(unreachable) as env:
        ask(env, "create table kept as select 42 as n")
        assert ping(env)
    said = capfd.readouterr().err
    chosen = (unreachable / "services" / "postgresql" / "elsewhere").read_text().strip()
    assert f"its files are kept in {chosen}" in said
    with services(unreachable) as env:
        assert ask(env, "select n from kept") == 42
    assert capfd.readouterr().err == ""
    assert unreachable.parent.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.slow
def test_files_kept_elsewhere_that_are_gone_are_not_replaced_by_an_empty_database(unreachable: Path) -> None:
    with services(unreachable, ["postgresql"], durable=False):
        pass
    note = unreachable / "services" / "postgresql" / "elsewhere"
    shutil.move(note.read_text().strip(), note.read_text().strip() + "-away")
    try:
        with pytest.raises(ServicesError, match="are gone"), services(unreachable, ["postgresql"], durable=False):
            pass
    finally:
        shutil.move(note.read_text().strip() + "-away", note.read_text().strip())


@as_root
def test_programs_out_of_reach_are_copied_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the virtual environment is in root's own folder."""
    account = places.service_account()
    assert account is not None
    source = home / "environment" / "some_package"
    (source / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", source / "bin" / "program")
    (home / "environment" / "some_package.libs").mkdir()
    (home / "environment").chmod(0o700)
    home.chmod(0o711)
    files = home / "files"
    places.make_private(files, account)
    monkeypatch.setattr(places, "package_folder", lambda package: home / "environment" / package)
    copied = places.programs_folder("some_package", "bin", files, account)
    assert account.can_use(copied / "program")
    assert (copied.parent.parent / "some_package.libs").is_dir()
    made = copied.stat().st_ino
    assert places.programs_folder("some_package", "bin", files, account).stat().st_ino == made
    assert [entry.name for entry in files.iterdir()] == [copied.parent.parent.name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x" * 120, "a b%20c'é"], ids=["long", "strange"])
def test_any_path_will_do_for_a_home(home: Path, name: str) -> None:
    place = home.parent / name / "home"
    with services(place, durable=False) as env:
        assert ask(env, "select 1") == 1
        assert ping(env)
    assert not list(Path("/tmp").glob(f"policy-arena-{name}*"))


def test_sockets_are_nobody_elses(home: Path) -> None:
    account = places.service_account()
    owner = account.uid if account else os.geteuid()
    with services(home, ["valkey"], durable=False):
        found = (home / "services" / "valkey" / "files" / "sockets").stat()
        assert found.st_uid == owner
        assert found.st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_put_in_the_way_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "sockets"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(ServicesError, match="not a private folder"):
        places.make_private(open_to_all, None)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(ServicesError, match="not a private folder"):
        places.make_private(link, None)


def test_without_an_ordinary_user_root_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_there(name: str) -> object:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", nobody_there)
    with pytest.raises(ServicesError, match="Run this as an ordinary user"):
        places.service_account()


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServicesError, match="cannot be used as ARENA_HOME"), services(tmp_path / "file" / "home"):
        pass
