# SPDX-License-Identifier: LGPL-2.1-or-later
"""Configuration of an endpoint, as the C library takes it."""
from typing import Optional, Union

from ._native import (CLOSED_POLICIES, POLICIES, REMOTE_MODES, RESET_POLICIES,
                      c_string, fail, ffi, lib, value_of)


class EndpointConfig:
    """Configuration of an endpoint; an argument that is None sets nothing."""

    def __init__(self) -> None:
        config = lib.vrpmsg_ept_config_new()
        if config == ffi.NULL:
            fail()
        self.config = ffi.gc(config, lib.vrpmsg_ept_config_free)

    def device(self, device: Union[str, int]) -> None:
        """Set the device, by name or number."""
        if isinstance(device, int):
            lib.vrpmsg_ept_config_set_dev_id(self.config, device)
        elif lib.vrpmsg_ept_config_set_dev_name(self.config, c_string(device)):
            fail()

    def identity(self, name: Optional[str], addr: Optional[int],
                 addressed: bool) -> None:
        """Set what cannot be changed later."""
        if name is not None and lib.vrpmsg_ept_config_set_name(
                self.config, c_string(name)):
            fail()
        if addr is not None:
            lib.vrpmsg_ept_config_set_addr(self.config, addr)
        lib.vrpmsg_ept_config_set_addressed(self.config, addressed)

    def remote(self, remote: Union[int, str, None]) -> None:
        """Set an address, or the remote mode."""
        if isinstance(remote, str):
            mode = value_of(REMOTE_MODES, remote, "remote")
            lib.vrpmsg_ept_config_set_remote_mode(self.config, mode)
        elif remote is not None:
            lib.vrpmsg_ept_config_set_remote(self.config, remote)

    def policies(self, policy: Optional[str], closed: Optional[str],
                 reset: Optional[str]) -> None:
        """Set what happens to messages that no process reads."""
        if policy is not None:
            lib.vrpmsg_ept_config_set_policy(
                self.config, value_of(POLICIES, policy, "policy"))
        if closed is not None:
            lib.vrpmsg_ept_config_set_closed_policy(
                self.config, value_of(CLOSED_POLICIES, closed, "closed"))
        if reset is not None:
            lib.vrpmsg_ept_config_set_reset_policy(
                self.config, value_of(RESET_POLICIES, reset, "reset"))

    def limits(self, rx_limit: Optional[int], tx_limit: Optional[int]) -> None:
        """Set the limits of the queues."""
        if rx_limit is not None:
            lib.vrpmsg_ept_config_set_rx_limit(self.config, rx_limit)
        if tx_limit is not None:
            lib.vrpmsg_ept_config_set_tx_limit(self.config, tx_limit)
