"""JupyterHub for a class on one machine: every learner's notebook shares one copy of the model.

    jupyterhub -f jupyterhub_config.py

See jupyterhub.md, beside this file, for the lines to run first.
"""

import os
import sys
from pathlib import Path

from riffedu.verbs.kernel_launcher import SOCKET
from riffedu.verbs.kernels import SPEC
from riffedu.verbs.lab import environment

c = get_config()  # noqa: F821  (JupyterHub defines it)

HERE = Path.cwd()
KERNELS = str(HERE / "kernels")
LIMITS = os.environ.get("RIFFEDU_LIMITS", "")

# Where it listens. Behind a proxy, choose the path below which it is.
c.JupyterHub.bind_url = os.environ.get("HUB_URL", "http://0.0.0.0:8000/")

# Who may come in, and under which account their notebooks run.
ACCOUNTS = bool(os.environ.get("HUB_ACCOUNTS"))
if ACCOUNTS:  # the accounts of this machine, with their own passwords; the hub must run as root
    c.JupyterHub.authenticator_class = "pam"
    c.JupyterHub.spawner_class = "localprocess"
    c.Authenticator.blocked_users = {"root"}
else:  # anyone who knows the class's password, under any name; all run under the hub's account
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
    c.SharedPasswordAuthenticator.admin_password = os.environ.get("TEACHER_PASSWORD")
    c.JupyterHub.spawner_class = "simple"
    c.SimpleLocalProcessSpawner.home_dir_template = str(HERE / "learners" / "{username}")
c.Authenticator.admin_users = {"teacher"}
c.Authenticator.allow_all = True

# One process holds the model; notebooks are forked from it. It is a service, so that the hub starts
# it, and starts it again if it stops. Notebooks go on meanwhile.
c.JupyterHub.services = [
    {
        "name": "riffedu-kernels",
        "command": [sys.executable, "-m", "riffedu", "kernels", "--socket", KERNELS],
        "environment": {"RIFFEDU_LIMITS": LIMITS} if LIMITS else {},
    },
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"],
    },
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]

# Each learner has a server of their own, and the lessons in a folder of their own.
c.Spawner.default_url = "/lab/tree/notebooks/00_hear_it_first.ipynb"
START = """
    "$0" -m riffedu lab --copy-only --folder "$HOME/riffedu-lessons" &&
    exec "$0" -m jupyterhub.singleuser --ServerApp.root_dir="$HOME/riffedu-lessons" "$@"
"""
c.Spawner.cmd = ["sh", "-c", START, sys.executable]
c.Spawner.environment = {
    SOCKET: KERNELS,
    "JUPYTER_PATH": str(SPEC),
    "JUPYTER_CONFIG_PATH": environment()["JUPYTER_CONFIG_PATH"],
    **({"RIFFEDU_LIMITS": LIMITS} if LIMITS else {}),
}
# A notebook that nobody looks at ends after half an hour; the learner's server ends after an hour.
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=1800",
    "--MappingKernelManager.cull_interval=120",
]
if os.geteuid() == 0 and not ACCOUNTS:
    c.Spawner.args.append("--allow-root")  # in a container
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # many start at once on a small machine
c.JupyterHub.concurrent_spawn_limit = 5
c.JupyterHub.cleanup_servers = False  # learners' servers go on while the hub restarts
c.JupyterHub.shutdown_on_logout = False
