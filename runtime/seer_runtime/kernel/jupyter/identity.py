"""Who may come in: whoever has a token. The server knows digests alone."""

from __future__ import annotations

import hmac
import json
import logging
import re

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError, RequestHandler

from seer_runtime.wire.settings import token_digest

_IN_URLS = re.compile(r"(?<=[?&]token=)[^&\s'\"]+")


def without_tokens(record: logging.LogRecord) -> bool:
    """Take the tokens out of a line for the log, in which URLs are."""
    record.msg, record.args = _IN_URLS.sub("[secret]", record.getMessage()), ()
    return True


class Refusal(JupyterHandler):
    """Says to whoever has no token that this is it."""

    @allow_unauthenticated
    def get(self) -> None:
        """Refuse."""
        raise HTTPError(403, "open the URL whole, as it was given: it ends in ?token=...")


class Tokens(IdentityProvider):
    """Knows tokens by their digests; there is no page to log in at."""

    login_available = False
    logout_available = False

    def __init__(self, **options: object) -> None:
        """Know none."""
        super().__init__(**options)
        # Jupyter would make one, and write it into files.
        self.token = ""
        self.digests: set[str] = set()

    def get_handlers(self) -> list[tuple[str, object]]:
        """Answer where strangers are sent to log in."""
        return [("/login", Refusal)]

    def admit(self, digest: str) -> None:
        """Let the token with this digest in, too."""
        self.digests.add(digest)

    def revoke(self, digest: str) -> None:
        """Let it in no more, nor who came in with it."""
        self.digests.discard(digest)

    def user_from_cookie(self, cookie_value: str) -> User | None:
        """Give the user that a browser says it is, while the token that it came with is known."""
        digest = json.loads(cookie_value)["username"]
        return _owner(digest) if digest in self.digests else None

    async def get_user_token(self, handler: RequestHandler) -> User | None:
        """Give the user, if the request has a token that is known."""
        digest = token_digest(self.get_token(handler) or "")
        admitted = {*self.digests, getattr(handler, "own_digest", "")}
        known = [hmac.compare_digest(digest, each) for each in admitted]
        return _owner(digest) if any(known) else None


def _owner(digest: str) -> User:
    """Give the one user that there is, as who has that token."""
    return User(digest, "owner", "owner", "O")
