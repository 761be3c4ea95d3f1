"""Why the daemon answers as it does: `policyd query --explain`. No verb: their files have no underscore.

Law: read from the configuration and the lists of this machine, by the daemon's own code and in its order; the daemon is
not asked, and nothing is changed or counted. What greylisting remembers is not told here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from policyd.chain import Chain
from policyd.cli.list import test
from policyd.config import DEFAULT_PATH, Settings, load
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Decision
from policyd.policies import Plan, Policies, stages
from policyd.wire.request import parse_request


def explain(config: str | None, question: bytes, now: int) -> None:
    """Print which checks are asked about `question` at `now`, which policy counts, and what lists say.

    Raises ConfigError.
    """
    path = config or DEFAULT_PATH
    settings = load(path)
    request = parse_request(question.removesuffix(b"\n\n"))
    if excuse := _excuse(settings, request, now):
        print(f"no check is asked: {excuse}")
        return
    for line in asked(settings, request, now):
        print(line)
    address = request.client_address.text if request.client_address else "unknown"
    options = {
        "client": address,
        "client-name": request.client_name,
        "helo": request.helo_name,
        "sender": request.sender,
        "recipient": request.recipient,
        "at": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "config": path,
    }
    test.main([f"--{option}={value}" for option, value in options.items()])


def _excuse(settings: Settings, request: PolicyRequest, now: int) -> str:
    """Why no check is asked at all: the word for it in the log; "" if checks are asked."""
    chain = Chain(Plan(()), settings.chain.trusted_networks, lambda check, error: None, first_id=0)
    (answer,) = chain.decide([request], now)
    return answer.reason if isinstance(answer, Decision) and answer.reason != NO_OPINION.reason else ""


def asked(settings: Settings, request: PolicyRequest, now: int) -> Iterator[str]:
    """Sentences: the checks that are asked about `request`, in their order, and those whose time it is not."""
    number = Policies(settings.policies).find(request.sender, request.recipient, now)
    names = settings.chain.checks if number is None else settings.policies[number].checks
    order = [name for name in stages(settings.chain.checks, settings.policies) if name in names]
    windows = {name: settings.windows[name] for name in order if name in settings.windows}
    closed = {name: window for name, window in windows.items() if not window.is_active(now)}
    yield f"asked: {', '.join(name for name in order if name not in closed) or 'no check'}"
    yield from (f"not at this time: {name}, only {window}" for name, window in closed.items())
    if settings.policies and number is None:
        yield "no [[policy]] counts: as [chain] has it"
