"""Secrets at rest: sealed with Fernet, under a key file or under SEGCONNECT_SECRET_KEY.

The key file is made once, with mode 0600, beside what it seals. SEGCONNECT_SECRET_KEY is a Fernet
key, or any passphrase: of a passphrase a key is derived with scrypt, whose salt lies with the
secret.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from segconnect.errors import ConnectionSetupError
from segconnect.settings import Settings

DERIVED = "scrypt"  # begins a text that is sealed under a passphrase: scrypt.SALT.TOKEN
KEY_FILE = "secret.key"


class Vault:
    """Seals secrets and opens them again, with the key of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.data.expanduser() / KEY_FILE
        key = settings.secret_key
        self._given = key.get_secret_value() if key is not None else ""

    def seal(self, secret: str) -> str:
        """Answers a text that is safe to keep in a file; makes the key file if there is none.

        Raises:
            ConnectionSetupError: The key file cannot be read or written.
        """
        content = secret.encode()
        if not self._given:
            return self._by_file(make=True).encrypt(content).decode()
        key = _fernet(self._given)
        if key is not None:
            return key.encrypt(content).decode()
        salt = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()
        return f"{DERIVED}.{salt}.{_derived(self._given, salt).encrypt(content).decode()}"

    def open(self, sealed: str, what: str) -> str:
        """Answers the secret that was sealed; `what` names it in messages.

        Raises:
            ConnectionSetupError: It was sealed under another key, or the key is lost.
        """
        begin, _, rest = sealed.partition(".")
        salt, _, token = rest.rpartition(".")
        try:
            if begin == DERIVED and self._given:
                return _derived(self._given, salt).decrypt(token.encode()).decode()
            if begin != DERIVED:
                key = _fernet(self._given) if self._given else self._by_file(make=False)
                if key is not None:
                    return key.decrypt(sealed.encode()).decode()
        except (InvalidToken, ValueError):
            pass
        if self._given:
            tried = "SEGCONNECT_SECRET_KEY as it is set now"
        else:
            tried = f"the key file {self._path}; SEGCONNECT_SECRET_KEY is not set"
        raise ConnectionSetupError(
            f"{what} cannot be read with {tried}: bring back the key that it was saved with, or"
            " save it again"
        )

    def _by_file(self, *, make: bool) -> Fernet:
        if make and not self._path.exists():
            with locked(self._path):
                if not self._path.exists():  # nobody was faster
                    write_private(self._path, Fernet.generate_key())
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise ConnectionSetupError(
                f"the key file {self._path} cannot be read ({error.strerror}): bring it back, set"
                " SEGCONNECT_SECRET_KEY if that was the key, or save the API keys again"
            ) from None
        key = _fernet(content.decode("ascii", "replace").strip())
        if key is None:
            raise ConnectionSetupError(
                f"the key file {self._path} holds no key: bring back what it held, or delete it"
                " and save the API keys again"
            )
        return key


def _fernet(text: str) -> Fernet | None:
    try:
        return Fernet(text)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _derived(passphrase: str, salt: str) -> Fernet:
    """Derives a key, which takes a tenth of a second on purpose."""
    scrypt = Scrypt(salt=base64.urlsafe_b64decode(salt), length=32, n=2**15, r=8, p=1)
    return Fernet(base64.urlsafe_b64encode(scrypt.derive(passphrase.encode())))


# -- files ---------------------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of a file, which is a file beside it; makes the directory.

    Raises:
        ConnectionSetupError: The directory cannot be written.
    """
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock, msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)  # which lets it go


def write_private(path: Path, content: bytes) -> None:
    """Writes a file with mode 0600, whole or not at all, even if the machine stops meanwhile.

    Raises:
        ConnectionSetupError: It cannot be written.
    """
    with _told(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if sys.platform != "win32":
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConnectionSetupError(
            f"{path} cannot be written ({error.strerror}); choose a data directory that can be,"
            " with --data or SEGCONNECT_DATA"
        ) from None
