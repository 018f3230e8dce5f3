"""A TLS stream that ends without a close_notify alert may have been cut by anybody on its way.

RFC 8446, section 6.1: whoever ends a stream says so in an alert, so that an end of the connection
is not taken for it. How OpenSSL and Python tell the two apart depends on their versions:

* Python 3.10 to 3.11.3 sets SSL_OP_IGNORE_UNEXPECTED_EOF with OpenSSL 3, and a cut stream looks
  as if it had been ended (SSL_CTX_set_options(3)).
* Without that option OpenSSL 3 reports an error with a reason of its own, which Python knows as
  SSLEOFError since 3.11.4 only, and as a plain SSLError before.
"""

import ssl


def detect_truncation(context: ssl.SSLContext) -> None:
    """Have connections of ``context`` tell a cut stream from one that was ended."""
    # Missing where Python was built with OpenSSL 1.1.1, which always tells.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def is_truncation(error: ssl.SSLError) -> bool:
    """Return whether ``error`` says that the connection ended, and the stream did not."""
    return isinstance(error, ssl.SSLEOFError) or error.reason == "UNEXPECTED_EOF_WHILE_READING"
