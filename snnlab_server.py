"""A Jupyter server that answers sliders at once.

    jupyter lab --ServerApp.kernel_websocket_connection_class=snnlab_server.NoDelay

Many small messages go from the kernel to the browser when a slider moves. Jupyter leaves them to
Nagle's algorithm, which holds a small message back until the one before it was acknowledged: some
40 ms per move. This module stands outside the package, so that the server need not load torch.
"""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class NoDelay(ZMQChannelsWebsocketConnection):
    """The usual connection between kernel and browser, with every message sent at once."""

    def connect(self):
        """Set TCP_NODELAY, and connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
