"""What a client is told who is refused, or asked to come again.

Law: a constant phrase first, so that people and log readers know it; then the administrator's words; then, marked as a
stranger's, those of the domain's owner (RFC 7208 8.4). Status codes are those of RFC 7372.
"""

from typing import Final

from policyd.checks.spf.judgement import Opinion
from policyd.checks.spf.settings import TEXT_WORD, Settings
from policyd.model.action import Action, clean_text
from policyd.model.evidence import SpfResult
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Reason

MAX_REPLY: Final = 430
"""Characters of reply text; the chain puts a decision id behind it."""
MAX_IDENTITY: Final = 100
"""Characters of a name or address in a text."""

_PHRASES: Final[dict[SpfResult, str]] = {
    "fail": "7.23 SPF fail",
    "softfail": "7.23 SPF softfail",
    "neutral": "7.23 SPF neutral",
    "none": "7.23 SPF none",
    "pass": "7.23 SPF pass",
    "permerror": "7.24 SPF error",
    "temperror": "7.24 SPF temporary error",
}
_REASONS: Final[dict[SpfResult, Reason]] = {"permerror": "spf error", "temperror": "spf temporary error"}


def reason_of(result: SpfResult) -> Reason:
    """Why a mail with this result is refused or deferred, as the log and the metrics say it."""
    return _REASONS.get(result, "spf fail")


def refusal(settings: Settings, opinion: Opinion, request: PolicyRequest) -> Action:
    """``550 5.7.23 SPF fail, 192.0.2.1 is not allowed to send mail from a.example; a.example explains: WORDS``."""
    code, status = ("451", 4) if opinion.sentence == "defer" else ("550", 5)
    answer = opinion.answer
    is_error = answer.result in ("permerror", "temperror")
    template = settings.error_text if is_error else settings.text
    text = _filled(template, opinion, request)
    if template.endswith("%d") and opinion.identity == "helo" and request.sender:
        text += ", its HELO name"  # or people look for the fault in the sender's record
    if answer.explanation:
        text += f"; {clean_text(answer.domain, MAX_IDENTITY)} explains: {answer.explanation}"
    elif is_error and answer.problem:
        text += f"; {answer.problem}"
    return Action(code, clean_text(f"{status}.{_PHRASES[answer.result]}, {text}", MAX_REPLY))


def _filled(template: str, opinion: Opinion, request: PolicyRequest) -> str:
    """`template` with every placeholder replaced in one pass, so that no value can bring in another placeholder."""
    client = request.client_address
    identity = f"MAIL FROM <{request.sender}>" if opinion.identity == "mailfrom" else f"HELO {request.helo_name}"
    values = {
        "%c": client.text if client else "unknown",
        "%d": opinion.answer.domain or "nobody",
        "%i": identity,
        "%h": request.helo_name or "nobody",
    }
    return TEXT_WORD.sub(lambda word: clean_text(values[word[0]], MAX_IDENTITY), template)
