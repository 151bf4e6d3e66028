"""JupyterLab behind Carrel's proxy, at the root of the session's own host name.

The proxy lets only the session's people in, so Jupyter asks for no token of its own. It checks the origin of websockets
and of unsafe requests against the host name, which the proxy passes on as it is.
"""

c = get_config()  # noqa: F821 Jupyter defines it when it reads this file.

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 The container's own network.
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/home/reader"
c.ServerApp.allow_remote_access = True
c.ServerApp.trust_xheaders = True
c.ServerApp.terminado_settings = {"shell_command": ["/bin/sh"]}
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
