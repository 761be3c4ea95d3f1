"""`policyd spf`: what SPF says of a client, and what is wrong with a domain's record.

Law: everything is asked anew by the daemon's own code, through the resolver of the configuration; the daemon need not
run. Nothing of a record reaches a terminal unescaped.
"""

import asyncio
from argparse import ArgumentParser
from pathlib import Path

from policyd.config import DEFAULT_PATH, Settings, load
from policyd.model.address import parse_address


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for; the exit status is 0, or 1 (an error as the result, mistakes in a record)."""
    parser = ArgumentParser(
        "policyd spf",
        usage="policyd spf CLIENT SENDER HELO [OPTIONS]\n       policyd spf --record DOMAIN [OPTIONS]",
        description="Evaluate SPF for a client, an envelope sender (<> is the null sender) and a HELO name: every "
        "record on the way, the result, and what would follow. Or look for mistakes in a domain's record.",
    )
    parser.add_argument("asked", nargs="*", metavar="CLIENT SENDER HELO", help="as Postfix sends them")
    parser.add_argument("--record", metavar="DOMAIN", help="look for mistakes in the record of this domain")
    parser.add_argument("--config", "-c", metavar="FILE", default=DEFAULT_PATH, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    settings = _settings(options.config)
    if options.record is not None and not options.asked:
        from policyd.cli.spf.lint import lint

        return asyncio.run(lint(settings, options.record, as_json=options.json))
    if options.record is not None or len(options.asked) != 3:
        parser.error("name CLIENT, SENDER and HELO, or only --record DOMAIN")
    client, sender, helo = options.asked
    if (address := parse_address(client)) is None:
        parser.error(f"{client[:60]!r} is no address")
    from policyd.cli.spf.evaluate import evaluate

    return asyncio.run(
        evaluate(settings, address, sender.removeprefix("<").removesuffix(">"), helo, as_json=options.json)
    )


def _settings(path: str) -> Settings:
    """The configuration; one that was not named need not exist. Raises ConfigError."""
    return Settings() if path == DEFAULT_PATH and not Path(path).exists() else load(path)
