"""What a job says: everything into its log file, a sentence to the user, no traceback for a user's mistake."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike


@contextlib.contextmanager
def recorded(log: str | PathLike) -> Iterator[Callable[[str], None]]:
    """Send all output of this process and its children to a log file while a job runs.

    Parameters
    ----------
    log : path-like
        The log file; it is begun anew.

    Yields
    ------
    callable
        ``say(text)`` prints a line to the user and into the log.

    Raises
    ------
    SystemExit
        With the sentences of a `UserError`, or with one line that points to the log, where the traceback is.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).unlink(missing_ok=True)  # a job that outlived its run may still write into the old one
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = os.dup(2)
    saved = os.dup(1)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)
        os.write(terminal, f"{text}\n".encode())

    message = None
    with open(log, "w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield say
        except UserError as error:
            message = str(error)
        except Exception as error:
            traceback.print_exc()
            message = f"{type(error).__name__}: {error}\nThe whole story is in {log}."
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            if message:
                os.write(file.fileno(), f"{message}\n".encode())
            os.dup2(saved, 1)
            os.dup2(terminal, 2)
            os.close(saved)
            os.close(terminal)
    if message:
        sys.exit(message)
