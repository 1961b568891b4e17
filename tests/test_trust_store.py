"""The trust folder: one root believed by its fingerprint, and the newest bundle that it vouches for."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardente import StoreError, TrustError, TrustStore, Validator
from ardente.core import reasons
from ardente.core.root import MAX_ROOT_SIZE
from ardente.core.trust import MAX_BUNDLE_SIZE
from ardente.testing import TEST_CARDS, FakeClock, TestCity

DAY = timedelta(days=1)
RESIDENT = next(card.text for card in TEST_CARDS if card.name == "resident")


@pytest.fixture
def store(tmp_path: Path, ardente_clock: FakeClock) -> TrustStore:
    """A store whose folder does not exist yet."""
    return TrustStore(tmp_path / "trust", clock=ardente_clock, allow_test_city=True)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def refusal(call: Callable[[], object]) -> str:
    """The reason of the `TrustError` that the call raises; its text must be a sentence, not the code."""
    with pytest.raises(TrustError) as caught:
        call()
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) > 30
    return caught.value.reason


class TestInit:
    def test_believes_the_root_whose_fingerprint_came_another_way(
        self, store: TrustStore, ardente_test_city: TestCity
    ) -> None:
        root = ardente_test_city.root()
        assert store.init(root, sha256(root))
        state = store.show()
        assert (state.city, state.root_version, state.root_sha256) == ("test-city", 1, sha256(root))
        assert state.bundle_version is None

    def test_takes_the_fingerprint_as_people_write_it(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        root = ardente_test_city.root()
        digits = sha256(root).upper()
        assert store.init(root, "  " + ":".join(digits[at : at + 2] for at in range(0, 64, 2)) + "\n")

    @pytest.mark.parametrize("sha256_text", ["", "00", "0" * 64, "not hexadecimal"])
    def test_refuses_any_other_fingerprint(
        self, store: TrustStore, ardente_test_city: TestCity, sha256_text: str
    ) -> None:
        assert refusal(lambda: store.init(ardente_test_city.root(), sha256_text)) == reasons.WRONG_FINGERPRINT
        assert files(store.folder) == {}

    def test_refuses_what_is_not_a_root(self, store: TrustStore) -> None:
        assert refusal(lambda: store.init(b"noise", sha256(b"noise"))) == reasons.NOT_A_ROOT

    def test_refuses_a_bundle_as_no_root_whatever_its_size(
        self, store: TrustStore, ardente_test_city: TestCity
    ) -> None:
        for bundle in (ardente_test_city.bundle(), ardente_test_city.bundle().ljust(MAX_ROOT_SIZE + 1)):
            assert refusal(lambda bundle=bundle: store.init(bundle, sha256(bundle))) == reasons.NOT_A_ROOT

    def test_refuses_a_root_that_lacks_signatures(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        root = ardente_test_city.root(signers=("root-1",))
        assert refusal(lambda: store.init(root, sha256(root))) == reasons.TOO_FEW_SIGNATURES

    def test_refuses_the_test_city_unless_told_otherwise(self, tmp_path: Path, ardente_test_city: TestCity) -> None:
        root = ardente_test_city.root()
        assert refusal(lambda: TrustStore(tmp_path / "trust").init(root, sha256(root))) == reasons.TEST_CITY

    def test_the_same_root_again_changes_nothing(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        root = ardente_test_city.root()
        store.init(root, sha256(root))
        store.install(ardente_test_city.bundle())
        before = files(store.folder)
        assert not store.init(root, sha256(root))
        assert files(store.folder) == before

    def test_another_root_is_refused(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        root, other = ardente_test_city.root(), ardente_test_city.root(signers=("root-1", "root-3"))
        store.init(root, sha256(root))
        with pytest.raises(StoreError, match="another root already"):
            store.init(other, sha256(other))
        assert files(store.folder)["root.cbor"] == root

    def test_reads_a_path_or_an_open_file_too(self, tmp_path: Path, ardente_test_city: TestCity) -> None:
        root = ardente_test_city.root()
        path = tmp_path / "city-root.cbor"
        path.write_bytes(root)
        for number, document in enumerate((path, str(path), io.BytesIO(root), bytearray(root), memoryview(root))):
            store = TrustStore(tmp_path / str(number), allow_test_city=True)
            assert store.init(document, sha256(root))


class TestInstall:
    def test_takes_a_bundle_in_and_says_so(self, ardente_trust_store: TrustStore, ardente_test_city: TestCity) -> None:
        bundle = ardente_test_city.bundle(2)
        assert ardente_trust_store.install(bundle)
        state = ardente_trust_store.show()
        assert (state.bundle_version, state.bundle_sha256) == (2, sha256(bundle))
        assert (state.issued, state.expires) == (
            datetime(2026, 6, 1, 10, 0, tzinfo=UTC),
            datetime(2026, 7, 16, 10, 0, tzinfo=UTC),
        )
        assert state.freshness == (2, timedelta(0), "fresh", False)

    def test_says_that_it_has_it_already_and_writes_nothing(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity
    ) -> None:
        path = ardente_trust_store.folder / "bundle.cbor"
        before = path.stat()
        assert not ardente_trust_store.install(ardente_test_city.bundle())
        after = path.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_reads_a_path_or_an_open_file_too(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, tmp_path: Path
    ) -> None:
        path = tmp_path / "new.cbor"
        path.write_bytes(ardente_test_city.bundle(2))
        assert ardente_trust_store.install(path)
        assert ardente_trust_store.install(io.BytesIO(ardente_test_city.bundle(3)))
        with pytest.raises(StoreError, match=r"absent\.cbor"):
            ardente_trust_store.install(tmp_path / "absent.cbor")

    def test_needs_a_root_first(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        with pytest.raises(StoreError, match="trust init"):
            store.install(ardente_test_city.bundle())

    def test_follows_a_new_root(self, ardente_trust_store: TrustStore, ardente_test_city: TestCity) -> None:
        chain = (ardente_test_city.root(), ardente_test_city.root(2, root_keys=("root-1", "root-2", "root-4")))
        assert ardente_trust_store.install(ardente_test_city.bundle(2, chain=chain))
        assert ardente_trust_store.show().root_version == 2
        old = ardente_test_city.bundle(3)
        assert refusal(lambda: ardente_trust_store.install(old)) == reasons.OLDER_ROOT

    @pytest.mark.parametrize(
        ("offer", "reason"),
        [
            (lambda city: b"", reasons.NOT_A_BUNDLE),
            (lambda city: city.root(), reasons.NOT_A_BUNDLE),
            (lambda city: city.bundle(1), reasons.OLDER_BUNDLE),
            (lambda city: city.bundle(3, signers=("bundle-3",)), reasons.TOO_FEW_SIGNATURES),
            (lambda city: city.bundle(3)[:-1], reasons.LIST_MISSING),
            (lambda city: city.bundle(3) + b"\x00", reasons.LIST_UNKNOWN),
            (lambda city: city.bundle(3)[:-1] + b"\x00", reasons.LIST_CHANGED),
            (lambda city: city.bundle(3, iat=datetime(2026, 6, 3, tzinfo=UTC)), reasons.FROM_THE_FUTURE),
            (lambda city: bytes(MAX_BUNDLE_SIZE + 1), reasons.TOO_LARGE),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_refuses_what_the_rules_refuse_and_keeps_what_it_has(
        self,
        ardente_trust_store: TrustStore,
        ardente_test_city: TestCity,
        offer: Callable[[TestCity], bytes],
        reason: str,
    ) -> None:
        ardente_trust_store.install(ardente_test_city.bundle(2))
        before = files(ardente_trust_store.folder)
        assert refusal(lambda: ardente_trust_store.install(offer(ardente_test_city))) == reason
        assert files(ardente_trust_store.folder) == before

    @given(data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
    def test_any_bytes_are_a_trust_error_and_change_nothing(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, data: st.DataObject
    ) -> None:
        bundle = ardente_test_city.bundle(2)
        start = data.draw(st.integers(0, len(bundle)))
        end = data.draw(st.integers(start, len(bundle)))
        changed = bundle[:start] + data.draw(st.binary(max_size=40)) + bundle[end:]
        if changed == bundle:
            return
        before = files(ardente_trust_store.folder)
        refusal(lambda: ardente_trust_store.install(changed))
        assert files(ardente_trust_store.folder) == before

    def test_a_stream_without_end_is_not_read_to_its_end(self, ardente_trust_store: TrustStore) -> None:
        class Endless(io.RawIOBase):
            given = 0

            def read(self, size: int = -1) -> bytes:
                assert size > 0
                Endless.given += size
                return bytes(size)

        assert refusal(lambda: ardente_trust_store.install(Endless())) == reasons.TOO_LARGE  # type: ignore[arg-type]
        assert Endless.given <= MAX_BUNDLE_SIZE + 1


class TestLoading:
    def test_goes_by_the_root_and_asks_no_clock(self, tmp_path: Path, ardente_test_city: TestCity) -> None:
        clock = FakeClock()
        store = TrustStore(tmp_path / "trust", clock=clock, allow_test_city=True)
        root = ardente_test_city.root(exp=clock.now + 10 * DAY)
        store.init(root, sha256(root))
        store.install(ardente_test_city.bundle(chain=[root]))
        for days in (20, -10_000):
            clock.advance(days * DAY)
            assert store.load().manifest.version == 1

    def test_an_expired_root_stops_new_bundles_only(self, tmp_path: Path, ardente_test_city: TestCity) -> None:
        clock = FakeClock()
        store = TrustStore(tmp_path / "trust", clock=clock, allow_test_city=True)
        root = ardente_test_city.root(exp=clock.now + 10 * DAY)
        store.init(root, sha256(root))
        store.install(ardente_test_city.bundle(chain=[root]))
        clock.advance(20 * DAY)
        newer = ardente_test_city.bundle(2, chain=[root], iat=clock.now)
        assert refusal(lambda: store.install(newer)) == reasons.ROOT_EXPIRED
        assert Validator(store, clock=clock, allow_test_city=True).check(RESIDENT)

    @pytest.mark.parametrize("at", [0, 10, 200, -1])
    def test_a_damaged_bundle_says_to_install_again_and_may_be_replaced(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, at: int
    ) -> None:
        path = ardente_trust_store.folder / "bundle.cbor"
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)
        with pytest.raises(TrustError, match="install the city's bundle again"):
            ardente_trust_store.load()
        assert ardente_trust_store.install(ardente_test_city.bundle())
        assert ardente_trust_store.load().manifest.version == 1

    def test_a_damaged_root_says_to_begin_again(self, ardente_trust_store: TrustStore) -> None:
        (ardente_trust_store.folder / "root.cbor").write_bytes(b"noise")
        with pytest.raises(TrustError, match="begin again"):
            ardente_trust_store.load()

    def test_a_file_too_large_is_not_read_to_its_end(self, ardente_trust_store: TrustStore) -> None:
        with open(ardente_trust_store.folder / "bundle.cbor", "r+b") as file:
            file.truncate(1 << 40)
        assert refusal(ardente_trust_store.load) == reasons.TOO_LARGE


@pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")
class TestFolder:
    def test_anyone_may_read_it_and_only_its_owner_write(self, store: TrustStore, ardente_test_city: TestCity) -> None:
        umask = os.umask(0)
        try:
            root = ardente_test_city.root()
            store.init(root, sha256(root))
            store.install(ardente_test_city.bundle())
        finally:
            os.umask(umask)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.iterdir())}
        modes.pop(".lock", None)
        assert modes == {"trust": 0o755, "root.cbor": 0o644, "bundle.cbor": 0o644}

    def test_others_cannot_hold_the_lock_that_keeps_updates_out(
        self, store: TrustStore, ardente_test_city: TestCity
    ) -> None:
        root = ardente_test_city.root()
        store.init(root, sha256(root))
        with store._writing():
            assert stat.S_IMODE((store.folder / ".lock").stat().st_mode) == 0o600

    @pytest.mark.parametrize("name", ["", "root.cbor"])
    def test_that_others_may_change_is_not_believed(self, ardente_trust_store: TrustStore, name: str) -> None:
        path = ardente_trust_store.folder / name
        path.chmod(path.stat().st_mode | stat.S_IWOTH)
        with pytest.raises(StoreError, match="chmod o-w"):
            ardente_trust_store.load()

    def test_a_link_in_place_of_a_file_is_not_followed(self, ardente_trust_store: TrustStore, tmp_path: Path) -> None:
        path = ardente_trust_store.folder / "root.cbor"
        path.rename(tmp_path / "elsewhere.cbor")
        path.symlink_to(tmp_path / "elsewhere.cbor")
        with pytest.raises(StoreError, match="cannot be read"):
            ardente_trust_store.load()

    def test_a_link_in_place_of_the_bundle_is_replaced_not_written_through(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, tmp_path: Path
    ) -> None:
        target = tmp_path / "precious"
        target.write_bytes(b"precious")
        path = ardente_trust_store.folder / "bundle.cbor"
        path.unlink()
        path.symlink_to(target)
        with pytest.raises(StoreError, match="cannot be read"):
            ardente_trust_store.install(ardente_test_city.bundle())
        assert target.read_bytes() == b"precious"

    def test_a_pipe_in_place_of_the_bundle_is_not_waited_for(self, ardente_trust_store: TrustStore) -> None:
        path = ardente_trust_store.folder / "bundle.cbor"
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(StoreError, match="not a file"):
            ardente_trust_store.load()

    def test_that_cannot_be_written_says_so(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("ardente._files.os.fsync", full)
        before = files(ardente_trust_store.folder)
        with pytest.raises(StoreError, match="No space left"):
            ardente_trust_store.install(ardente_test_city.bundle(2))
        assert files(ardente_trust_store.folder) == before


class TestSeveralPrograms:
    def test_a_writer_that_holds_the_folder_is_waited_for_within_bounds(
        self, ardente_trust_store: TrustStore, ardente_test_city: TestCity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ardente._trust_store._LOCK_TIMEOUT_S", 0.1)
        with (
            filelock.FileLock(ardente_trust_store.folder / ".lock"),
            pytest.raises(StoreError, match="Another program"),
        ):
            ardente_trust_store.install(ardente_test_city.bundle(2))
        assert ardente_trust_store.install(ardente_test_city.bundle(2))

    def test_may_install_and_check_at_once(self, ardente_trust_store: TrustStore, ardente_test_city: TestCity) -> None:
        context = multiprocessing.get_context("spawn")
        folder = str(ardente_trust_store.folder)
        last = 25
        with context.Pool(4) as pool:
            checkers = [pool.apply_async(check_until, (folder, last)) for _ in range(2)]
            installers = [pool.apply_async(install_versions, (folder, range(2 + odd, last + 1, 2))) for odd in (0, 1)]
            refusals = [reason for installer in installers for reason in installer.get(90)]
            versions = [checker.get(90) for checker in checkers]
        assert set(refusals) <= {reasons.OLDER_BUNDLE}
        assert ardente_trust_store.show().bundle_version == last
        for seen in versions:
            assert seen == sorted(seen)
            assert seen[-1] == last


def install_versions(folder: str, versions: range) -> list[str]:
    store = TrustStore(folder, clock=FakeClock(), allow_test_city=True)
    city = TestCity()
    refusals = []
    for version in versions:
        try:
            store.install(city.bundle(version))
        except TrustError as error:
            refusals.append(error.reason)
    return refusals


def check_until(folder: str, version: int) -> list[int]:
    """Check with a new validator each time; return the versions seen. Any refusal or damage is an error."""
    seen = [0]
    while seen[-1] < version:
        store = TrustStore(folder, clock=FakeClock(), allow_test_city=True)
        verdict = Validator(store, clock=FakeClock(), allow_test_city=True).check(RESIDENT)
        assert verdict
        seen.append(verdict.freshness.bundle_version)
    return seen
