"""`policyd run`: the daemon.

Law: a configuration with a mistake starts nothing; every mistake is on stderr, the exit status is 78.
"""

from argparse import ArgumentParser
from functools import partial

from policyd.config import DEFAULT_PATH, load, load_again


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Raises ConfigError."""
    parser = ArgumentParser(
        "policyd run",
        description="Serve Postfix until told to stop. SIGHUP reads the configuration and the lists again; "
        "SIGTERM answers what was asked and ends.",
    )
    parser.add_argument("--config", "-c", metavar="FILE", default=DEFAULT_PATH, help="default: %(default)s")
    path = parser.parse_args(arguments).config
    settings = load(path)
    from policyd import app  # after the configuration: whoever made a mistake need not wait for it

    return app.serve(settings, partial(load_again, path))
