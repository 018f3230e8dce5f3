"""Living by another configuration, without dropping anybody."""

from chatd_supervisor import logs
from chatd_supervisor.config import Config
from chatd_supervisor.config_warnings import sentences, without_effect
from chatd_supervisor.logbook import note
from chatd_supervisor.reception import Reception
from chatd_supervisor.settings import needing_restart, rules_of, writers_of
from chatd_supervisor.staffing import Staffing, pace_of
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.timeouts import Timeouts


def live_by(
    config: Config,
    old: Config,
    *,
    board: Switchboard,
    reception: Reception,
    staffing: Staffing,
    timeouts: Timeouts,
) -> list[str]:
    """Have all parts live by ``config``; return warnings about what needs a restart."""
    limits = config.limits
    board.hub.rules = rules_of(config)
    board.egress.writers |= writers_of(config)
    board.send_queue = limits.send_queue
    timeouts.live_by(limits)
    reception.limits = limits
    reception.origins.live_by(limits, config.exempt, board.connections.values())
    staffing.limits = limits
    staffing.intensity.max_restarts = limits.max_restarts
    staffing.intensity.period = limits.restart_period
    before, after = old.limits, limits
    paced = (before.line_length, before.message_rate) != (after.line_length, after.message_rate)
    if paced or old.exempt != config.exempt:
        for connection in board.connections.values():
            if connection.worker is not None:
                board.order(connection.worker, pace_of(connection, limits))
    board.throttle.renew()
    logs.live_by(config.server.log_level, config.server.log_format)
    needing = needing_restart(old, config)
    for key in needing:
        note("restart needed", key=key)
    vain = tell_without_effect(config)
    note("configuration reloaded")
    return [f"{key} changes only with a restart" for key in needing] + vain


def tell_without_effect(config: Config) -> list[str]:
    """Say in the log which keys of ``config`` change nothing; return the same as sentences."""
    for key, reason in without_effect(config).items():
        note("key without effect", key=key, reason=reason)
    return sentences(config)
